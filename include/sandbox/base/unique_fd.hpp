#pragma once

#include <utility>

#include <unistd.h>

namespace sandbox {

/// Owns one file descriptor and closes it exactly once. Moves by swap, so that no live descriptor is ever
/// overwritten.
class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        UniqueFd(std::move(other)).swap(*this);
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset() { UniqueFd().swap(*this); }
    void swap(UniqueFd& other) noexcept { std::swap(fd_, other.fd_); }

  private:
    int fd_ = -1;
};

} // namespace sandbox
