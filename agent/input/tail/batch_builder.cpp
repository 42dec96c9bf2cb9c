// SPDX-License-Identifier: Apache-2.0
#include "agent/input/tail/batch_builder.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <sys/mman.h>

namespace seyir::agent::input {

BlockPool::~BlockPool() {
    trim();
}

BlockPtr BlockPool::take(size_t bytes) {
    Block block;
    if (bytes <= kBlockBytes) {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            block = free_.back();
            free_.pop_back();
        }
    }
    if (block.data == nullptr) {
        // mmap, so that pages never touched cost nothing and freed ones go back at once.
        block.size = std::max(bytes, kBlockBytes);
        void* mapped =
            ::mmap(nullptr, block.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) {
            throw std::bad_alloc();
        }
        block.data = static_cast<char*>(mapped);
    }
    return {new Block(block), [pool = shared_from_this()](const Block* used) {
                pool->give_back(*used);
                delete used;
            }};
}

void BlockPool::give_back(Block block) {
    if (block.size == kBlockBytes) {
        const std::lock_guard lock(mutex_);
        if (free_.size() < kKeptMax) {
            free_.push_back(block);
            return;
        }
    }
    ::munmap(block.data, block.size);
}

void BlockPool::trim() {
    const std::lock_guard lock(mutex_);
    for (const Block& block : free_) {
        ::munmap(block.data, block.size);
    }
    free_.clear();
}

BatchBuilder::BatchBuilder(StreamLabelsPtr labels, uint64_t first_id)
    : labels_(std::move(labels)), id_(first_id) {}

std::span<char> BatchBuilder::window(size_t bytes_min, size_t bytes_max) {
    if (block_ == nullptr || block_->size - block_used_ < bytes_min) {
        adopt_used();
        block_ = pool_->take(bytes_min);
        block_begin_ = block_used_ = 0;
    }
    return {block_->data + block_used_, std::min(bytes_max, block_->size - block_used_)};
}

void BatchBuilder::adopt_used() {
    if (block_ != nullptr && block_used_ > block_begin_) {
        batch_.arena().adopt(block_, block_used_ - block_begin_);
    }
    block_begin_ = block_used_;
}

void BatchBuilder::open_origin(TailFile& file) {
    if (file.origin_batch == id_) {
        return;
    }
    SourcePosition position;
    position.key = file.key;
    position.begin = position.end = file.submitted_end;
    position.lane_start = std::exchange(file.lane_start_next, false);
    file.origin_batch = id_;
    file.origin = batch_.add_position(std::move(position));
    const Attr filename{batch_.add_key("filename"), Value::string(batch_.arena().copy(file.path))};
    columns_.push_back(
        {.stream = batch_.add_stream(file.labels.labels == nullptr ? labels_ : file.labels.labels),
         .attrs = batch_.add_attrs({&filename, 1})}
    );
    lanes_.push_back(&file);
}

AttrRange BatchBuilder::attrs_with(uint16_t origin, LineOrigin from) {
    FileColumns& columns = columns_[origin];
    const bool is_error = from == LineOrigin::kStderr;
    AttrRange& range = is_error ? columns.of_stderr : columns.of_stdout;
    if (range.count == 0) {
        const KeyIndex key = batch_.add_key("stream");
        const std::array<Attr, 2> both{
            batch_.attrs_in(columns.attrs)[0],
            Attr{key, Value::string(is_error ? Slice("stderr") : Slice("stdout"))}
        };
        range = batch_.add_attrs(both);
    }
    return range;
}

BatchBuilder::Built BatchBuilder::take() {
    adopt_used();
    for (size_t i = 0; i < lanes_.size(); ++i) {
        SourcePosition& position = batch_.position(static_cast<uint16_t>(i));
        position.end = lanes_[i]->read_end;
        position.tail_hash = lanes_[i]->tail.hash();
        lanes_[i]->submitted_end = lanes_[i]->read_end;
    }
    Built built{id_, std::exchange(batch_, RecordBatch()), std::exchange(lanes_, {})};
    ++id_;
    columns_.clear();
    return built;
}

}  // namespace seyir::agent::input
