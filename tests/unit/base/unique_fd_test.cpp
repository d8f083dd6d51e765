#include "sandbox/base/unique_fd.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>

using sandbox::UniqueFd;

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

} // namespace

TEST_CASE("a descriptor is closed once, by its last owner") {
    const int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    {
        UniqueFd first(raw);
        UniqueFd second(std::move(first));
        CHECK_FALSE(first); // NOLINT(bugprone-use-after-move): that it is empty is the promise
        CHECK(is_open(raw));
    }
    CHECK_FALSE(is_open(raw));
}

TEST_CASE("move assignment closes what was owned before") {
    const int old_raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int new_raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    UniqueFd owner(old_raw);
    owner = UniqueFd(new_raw);
    CHECK_FALSE(is_open(old_raw));
    CHECK(owner.get() == new_raw);
}

TEST_CASE("release hands the descriptor out open") {
    UniqueFd owner(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int raw = owner.release();
    CHECK_FALSE(owner);
    CHECK(is_open(raw));
    ::close(raw);
}
