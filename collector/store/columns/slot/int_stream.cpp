// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/slot/int_stream.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace seyir::store::columns {
namespace {

constexpr uint8_t kWidthBits = 4;

int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

/// Unsigned arithmetic: numbers of any size may meet, and wrapping is undone by the reader.
int64_t minus(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

int64_t plus(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

void transform_into(
    std::span<const int64_t> values,
    const IntTimes& times,
    IntTransform transform,
    std::vector<int64_t>& out
) {
    out.resize(values.size());
    int64_t before = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        if (transform == IntTransform::kTime) {
            before = floor_div(times.of_value[i], times.unit_ns);
        }
        out[i] = transform == IntTransform::kNone ? values[i] : minus(values[i], before);
        if (transform == IntTransform::kDelta) {
            before = values[i];
        }
    }
}

void append_one(
    std::string& out,
    std::span<const int64_t> values,
    const IntTimes& times,
    IntTransform transform,
    Packer& packer
) {
    std::vector<int64_t> moved;
    std::span<const int64_t> numbers = values;
    if (transform != IntTransform::kNone) {
        transform_into(values, times, transform, moved);
        numbers = moved;
    }
    int64_t first = 0;
    if (transform == IntTransform::kDelta) {
        // The first number has no neighbour: it stands in the head.
        first = numbers.empty() ? 0 : numbers[0];
        numbers = numbers.subspan(numbers.empty() ? 0 : 1);
    }
    int64_t smallest = numbers.empty() ? 0 : numbers[0];
    int64_t greatest = smallest;
    for (const int64_t number : numbers) {
        smallest = std::min(smallest, number);
        greatest = std::max(greatest, number);
    }
    const auto range = static_cast<uint64_t>(minus(greatest, smallest));
    const auto width = static_cast<uint8_t>((std::bit_width(range) + 7) / 8);
    out += static_cast<char>(static_cast<uint8_t>(transform) << kWidthBits | width);
    if (transform == IntTransform::kDelta) {
        codec::append_varint(out, codec::zigzag(first));
    }
    codec::append_varint(out, codec::zigzag(smallest));
    std::string plane(numbers.size(), '\0');
    for (unsigned byte = 0; byte < width; ++byte) {
        for (size_t i = 0; i < numbers.size(); ++i) {
            const auto v = static_cast<uint64_t>(minus(numbers[i], smallest));
            plane[i] = static_cast<char>(v >> (byte * 8));
        }
        packer.append(out, plane);
    }
}

}  // namespace

IntTransform append_ints(
    std::string& out,
    std::span<const int64_t> values,
    const IntTimes& times,
    std::optional<IntTransform> transform,
    Packer& packer
) {
    const bool has_times = times.of_value.size() == values.size() && !values.empty();
    if (values.empty()) {
        append_one(out, values, times, IntTransform::kNone, packer);
        return transform.value_or(IntTransform::kNone);
    }
    if (transform && (*transform != IntTransform::kTime || has_times)) {
        append_one(out, values, times, *transform, packer);
        return *transform;
    }
    IntTransform best = IntTransform::kNone;
    std::string smallest;
    append_one(smallest, values, times, best, packer);
    for (const IntTransform other : {IntTransform::kDelta, IntTransform::kTime}) {
        if (other == IntTransform::kTime && !has_times) {
            continue;
        }
        std::string bytes;
        append_one(bytes, values, times, other, packer);
        if (bytes.size() < smallest.size()) {
            smallest = std::move(bytes);
            best = other;
        }
    }
    out += smallest;
    return best;
}

bool needs_times(const codec::Reader& reader) {
    const uint8_t head = reader.left() == 0 ? 0 : static_cast<uint8_t>(*reader.at());
    return head >> kWidthBits == static_cast<uint8_t>(IntTransform::kTime);
}

void read_ints(
    codec::Reader& reader,
    size_t count,
    const IntTimes& times,
    Unpacker& unpacker,
    std::vector<int64_t>& into
) {
    const uint8_t head = reader.u8();
    const unsigned width = head & ((1U << kWidthBits) - 1);
    const auto transform = static_cast<IntTransform>(head >> kWidthBits);
    const bool is_known = transform <= IntTransform::kTime && width <= 8 &&
                          (transform != IntTransform::kTime || times.of_value.size() == count);
    if (!is_known || (transform == IntTransform::kDelta && count == 0)) {
        reader.give_up();
        return;
    }
    const bool is_delta = transform == IntTransform::kDelta;
    const int64_t first = is_delta ? codec::unzigzag(reader.varint()) : 0;
    const int64_t smallest = codec::unzigzag(reader.varint());
    if (!reader.ok()) {
        return;
    }
    into.assign(count, smallest);
    const size_t offset = is_delta ? 1 : 0;
    std::string keep;
    for (unsigned byte = 0; byte < width; ++byte) {
        const std::string_view plane = unpacker.read(reader, count - offset, keep);
        if (!reader.ok()) {
            into.clear();
            return;
        }
        int64_t* to = into.data() + offset;
        for (size_t i = 0; i < plane.size(); ++i) {
            const uint64_t v = uint64_t{static_cast<uint8_t>(plane[i])} << (byte * 8);
            to[i] = plus(to[i], static_cast<int64_t>(v));
        }
    }
    if (is_delta) {
        into[0] = first;
        for (size_t i = 1; i < count; ++i) {
            into[i] = plus(into[i], into[i - 1]);
        }
    } else if (transform == IntTransform::kTime) {
        for (size_t i = 0; i < count; ++i) {
            into[i] = plus(into[i], floor_div(times.of_value[i], times.unit_ns));
        }
    }
}

void append_planes(std::string& out, std::string_view records, size_t width, Packer& packer) {
    const size_t count = width == 0 ? 0 : records.size() / width;
    std::string plane(count, '\0');
    for (size_t byte = 0; byte < width; ++byte) {
        for (size_t i = 0; i < count; ++i) {
            plane[i] = records[i * width + byte];
        }
        packer.append(out, plane);
    }
}

std::string read_planes(codec::Reader& reader, size_t count, size_t width, Unpacker& unpacker) {
    std::string records(count * width, '\0');
    std::string keep;
    for (size_t byte = 0; byte < width; ++byte) {
        const std::string_view plane = unpacker.read(reader, count, keep);
        if (!reader.ok()) {
            return {};
        }
        for (size_t i = 0; i < count; ++i) {
            records[i * width + byte] = plane[i];
        }
    }
    return records;
}

}  // namespace seyir::store::columns
