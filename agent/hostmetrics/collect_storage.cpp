// SPDX-License-Identifier: Apache-2.0
// /proc/diskstats and the mounted file systems.
#include <algorithm>
#include <array>

#include <sys/statvfs.h>

#include "agent/hostmetrics/host_sampler.hpp"

namespace seyir::agent::hostmetrics {

namespace {

/// Columns of /proc/diskstats after the name (kernel: admin-guide/iostats) and their metrics.
struct DiskColumn {
    size_t column;
    std::string_view name;
    std::string_view type;
    std::string_view help;
    enum class Unit { kCount, kSectors, kMillis } unit;
};

using Unit = DiskColumn::Unit;

constexpr std::array kDiskColumns = {
    DiskColumn{
        0,
        "node_disk_reads_completed_total",
        "counter",
        "The total number of reads completed successfully.",
        Unit::kCount
    },
    DiskColumn{
        1,
        "node_disk_reads_merged_total",
        "counter",
        "The total number of reads merged.",
        Unit::kCount
    },
    DiskColumn{
        2,
        "node_disk_read_bytes_total",
        "counter",
        "The total number of bytes read successfully.",
        Unit::kSectors
    },
    DiskColumn{
        3,
        "node_disk_read_time_seconds_total",
        "counter",
        "The total number of seconds spent by all reads.",
        Unit::kMillis
    },
    DiskColumn{
        4,
        "node_disk_writes_completed_total",
        "counter",
        "The total number of writes completed successfully.",
        Unit::kCount
    },
    DiskColumn{
        5, "node_disk_writes_merged_total", "counter", "The number of writes merged.", Unit::kCount
    },
    DiskColumn{
        6,
        "node_disk_written_bytes_total",
        "counter",
        "The total number of bytes written successfully.",
        Unit::kSectors
    },
    DiskColumn{
        7,
        "node_disk_write_time_seconds_total",
        "counter",
        "This is the total number of seconds spent by all writes.",
        Unit::kMillis
    },
    DiskColumn{
        8, "node_disk_io_now", "gauge", "The number of I/Os currently in progress.", Unit::kCount
    },
    DiskColumn{
        9,
        "node_disk_io_time_seconds_total",
        "counter",
        "Total seconds spent doing I/Os.",
        Unit::kMillis
    },
    DiskColumn{
        10,
        "node_disk_io_time_weighted_seconds_total",
        "counter",
        "The weighted # of seconds spent doing I/Os.",
        Unit::kMillis
    },
    DiskColumn{
        11,
        "node_disk_discards_completed_total",
        "counter",
        "The total number of discards completed successfully.",
        Unit::kCount
    },
    DiskColumn{
        15,
        "node_disk_flush_requests_total",
        "counter",
        "The total number of flush requests completed successfully",
        Unit::kCount
    },
};

constexpr uint64_t kSectorBytes = 512;

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// node_exporter's default: ^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$
bool is_left_out(std::string_view device) {
    for (const std::string_view prefix : {"zram", "ram", "loop", "fd"}) {
        if (device.starts_with(prefix) && all_digits(device.substr(prefix.size()))) {
            return true;
        }
    }
    for (const std::string_view prefix : {"hd", "sd", "vd", "xvd"}) {
        if (device.starts_with(prefix) && device.size() > prefix.size() + 1) {
            return all_digits(device.substr(prefix.size() + 1));
        }
    }
    const size_t partition = device.rfind('p');
    return device.starts_with("nvme") && partition != std::string_view::npos &&
           all_digits(device.substr(partition + 1));
}

/// Pseudo file systems, as node_exporter's default, and those whose server may not answer: statvfs
/// on a dead NFS mount would hold the sample for ever.
constexpr std::array<std::string_view, 36> kTypesLeftOut = {
    "autofs",     "binfmt_misc", "bpf",       "cgroup",    "cgroup2",   "configfs",
    "debugfs",    "devpts",      "devtmpfs",  "fusectl",   "hugetlbfs", "iso9660",
    "mqueue",     "nsfs",        "overlay",   "proc",      "procfs",    "pstore",
    "rpc_pipefs", "securityfs",  "selinuxfs", "squashfs",  "erofs",     "sysfs",
    "tracefs",    "efivarfs",    "nfs",       "nfs4",      "cifs",      "smb3",
    "ceph",       "9p",          "afs",       "glusterfs", "lustre",    "ncpfs",
};

bool is_under(std::string_view path, std::string_view directory) {
    return path == directory || (path.starts_with(directory) && path.size() > directory.size() &&
                                 path[directory.size()] == '/');
}

bool is_type_left_out(std::string_view type) {
    return std::ranges::find(kTypesLeftOut, type) != kTypesLeftOut.end() ||
           type.starts_with("fuse.");
}

bool is_path_left_out(std::string_view path) {
    static constexpr std::array<std::string_view, 6> kPaths = {
        "/dev",
        "/proc",
        "/sys",
        "/run/credentials",
        "/var/lib/docker",
        "/var/lib/containers/storage",
    };
    return std::ranges::any_of(kPaths, [&](std::string_view p) { return is_under(path, p); });
}

/// mountinfo writes blanks, tabs, newlines and backslashes as \040 and so on.
std::string unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() &&
            text.substr(i + 1, 3).find_first_not_of("01234567") == std::string_view::npos) {
            out += static_cast<char>(
                (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')
            );
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

struct FileSystemMetric {
    std::string_view name;
    std::string_view help;
    uint64_t (*value)(const struct statvfs&);
};

constexpr std::array kFileSystemMetrics = {
    FileSystemMetric{
        "node_filesystem_avail_bytes",
        "Filesystem space available to non-root users in bytes.",
        [](const struct statvfs& s) { return uint64_t{s.f_bavail} * s.f_frsize; }
    },
    FileSystemMetric{
        "node_filesystem_files",
        "Filesystem total file nodes.",
        [](const struct statvfs& s) { return uint64_t{s.f_files}; }
    },
    FileSystemMetric{
        "node_filesystem_files_free",
        "Filesystem total free file nodes.",
        [](const struct statvfs& s) { return uint64_t{s.f_ffree}; }
    },
    FileSystemMetric{
        "node_filesystem_free_bytes",
        "Filesystem free space in bytes.",
        [](const struct statvfs& s) { return uint64_t{s.f_bfree} * s.f_frsize; }
    },
    FileSystemMetric{
        "node_filesystem_size_bytes",
        "Filesystem size in bytes.",
        [](const struct statvfs& s) { return uint64_t{s.f_blocks} * s.f_frsize; }
    },
};

}  // namespace

bool HostSampler::collect_disks() {
    std::string_view text = diskstats_.read(buffer_);
    if (text.empty()) {
        return false;
    }
    rows_.clear();
    std::string_view line;
    while (next_line(text, line)) {
        Words words(line);
        words.next();
        words.next();
        Row row;
        row.name = words.next();
        if (!options_.selection.disks.takes(row.name, is_left_out(row.name))) {
            continue;
        }
        for (size_t i = 0; i < 17 && !words.done(); ++i) {
            row.values[i] = words.next_number();
        }
        rows_.push_back(row);
    }
    for (const DiskColumn& column : kDiskColumns) {
        out_.family(column.name, column.type, column.help);
        for (const Row& row : rows_) {
            const uint64_t value = row.values[column.column];
            if (column.unit == Unit::kMillis) {
                out_.sample_fraction({{"device", row.name}}, value, 1000);
            } else {
                out_.sample(
                    {{"device", row.name}},
                    column.unit == Unit::kSectors ? value * kSectorBytes : value
                );
            }
        }
    }
    return true;
}

bool HostSampler::refresh_mounts() {
    const std::string_view text = mountinfo_.read(buffer_);
    if (text == mounts_text_) {
        return !text.empty();
    }
    mounts_text_ = text;
    mounts_.clear();
    std::string_view rest = text;
    std::string_view line;
    while (next_line(rest, line)) {
        // 36 35 98:0 /root /mount rw,noatime shared:1 - ext4 /dev/root rw
        const size_t dash = line.find(" - ");
        if (dash == std::string_view::npos) {
            continue;
        }
        Words left(line.substr(0, dash));
        for (int i = 0; i < 4; ++i) {
            left.next();
        }
        Mount mount;
        mount.path = unescaped(left.next());
        mount.full_path = options_.root + mount.path;
        const std::string_view mount_options = left.next();
        Words right(line.substr(dash + 3));
        mount.type = unescaped(right.next());
        mount.device = unescaped(right.next());
        const std::string_view super_options = right.next();
        mount.read_only = mount_options.starts_with("ro") || super_options.starts_with("ro");
        const bool known = std::ranges::any_of(mounts_, [&](const Mount& other) {
            return other.path == mount.path && other.device == mount.device;
        });
        const HostSelection& selection = options_.selection;
        const bool is_wanted =
            selection.mounts.takes(mount.path, is_path_left_out(mount.path)) &&
            selection.file_system_types.takes(mount.type, is_type_left_out(mount.type));
        if (!known && is_wanted) {
            mounts_.push_back(std::move(mount));
        }
    }
    return true;
}

bool HostSampler::collect_file_systems() {
    if (!refresh_mounts()) {
        return false;
    }
    std::array<struct statvfs, 64> stats{};
    std::array<bool, 64> failed{};
    const size_t count = std::min(mounts_.size(), stats.size());
    for (size_t i = 0; i < count; ++i) {
        failed[i] = ::statvfs(mounts_[i].full_path.c_str(), &stats[i]) != 0;
    }
    const auto labels = [&](size_t i, auto write) {
        write(LabelViews{
            {"device", mounts_[i].device},
            {"fstype", mounts_[i].type},
            {"mountpoint", mounts_[i].path}
        });
    };
    for (const FileSystemMetric& metric : kFileSystemMetrics) {
        out_.family(metric.name, "gauge", metric.help);
        for (size_t i = 0; i < count; ++i) {
            if (!failed[i]) {
                labels(i, [&](LabelViews l) { out_.sample(l, metric.value(stats[i])); });
            }
        }
    }
    out_.family(
        "node_filesystem_device_error",
        "gauge",
        "Whether an error occurred while getting statistics for the given device."
    );
    for (size_t i = 0; i < count; ++i) {
        labels(i, [&](LabelViews l) { out_.sample(l, uint64_t{failed[i]}); });
    }
    out_.family("node_filesystem_readonly", "gauge", "Filesystem read-only status.");
    for (size_t i = 0; i < count; ++i) {
        labels(i, [&](LabelViews l) { out_.sample(l, uint64_t{mounts_[i].read_only}); });
    }
    return true;
}

}  // namespace seyir::agent::hostmetrics
