#include "init/segment_log.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using sandbox::UniqueFd;
using sandbox::init::SegmentLog;

namespace {

struct Segments {
    UniqueFd first{::memfd_create("first", MFD_CLOEXEC)}, second{::memfd_create("second", MFD_CLOEXEC)};

    static std::string content(const UniqueFd& fd) {
        std::string text(1 << 16, '\0');
        const ssize_t count = ::pread(fd.get(), text.data(), text.size(), 0);
        text.resize(static_cast<std::size_t>(count));
        return text;
    }
    /// As a reader puts them in order: the full one is the older.
    std::string all(std::size_t segment) const {
        const std::string a = content(first), b = content(second);
        return b.size() == segment ? b + a : a + b;
    }
};

} // namespace

TEST_CASE("what fits is kept whole, in order") {
    const Segments segments;
    SegmentLog log(segments.first.get(), segments.second.get(), 8);
    log.write("hello ", 6);
    log.write("world", 5);
    CHECK(segments.all(8) == "hello world");
}

TEST_CASE("a flood keeps at least the last segment, and never more than two") {
    const Segments segments;
    SegmentLog log(segments.first.get(), segments.second.get(), 8);
    std::string all;
    for (int i = 0; i < 1000; ++i) {
        const std::string piece = std::to_string(i) + ",";
        log.write(piece.data(), piece.size());
        all += piece;
        const std::string kept = segments.all(8);
        REQUIRE(kept.size() <= 16);
        REQUIRE(all.ends_with(kept));
        REQUIRE((kept.size() >= 8 || kept == all));
    }
}

TEST_CASE("one write larger than both segments leaves its end") {
    const Segments segments;
    SegmentLog log(segments.first.get(), segments.second.get(), 4);
    const std::string text = "0123456789abcdef-";
    log.write(text.data(), text.size());
    CHECK(segments.all(4) == "cdef-");
}

TEST_CASE("a log that cannot be written loses output and returns") {
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    SegmentLog log(full.get(), full.get(), 4);
    log.write("0123456789", 10);
    SUCCEED("it came back");
}
