#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <functional>
#include <regex>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace sandbox;

namespace {

/// What comes to stderr meanwhile.
std::string said(const std::function<void()>& talk) {
    const UniqueFd file(::memfd_create("stderr", MFD_CLOEXEC));
    const UniqueFd before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    REQUIRE(::dup2(file.get(), STDERR_FILENO) == STDERR_FILENO);
    talk();
    ::dup2(before.get(), STDERR_FILENO);
    return read_file("/proc/self/fd/" + std::to_string(file.get()));
}

/// Without the time in front.
std::string line(const std::string& text) {
    const std::string all = said([&] {
        log::start("base_test");
        log::info({"abcdefghijklmnop", "acme"}, text);
    });
    const std::regex time("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z ");
    CAPTURE(all);
    CHECK(std::regex_search(all, time));
    return std::regex_replace(all, time, "", std::regex_constants::format_first_only);
}

} // namespace

TEST_CASE("a line has time, program, level and text") {
    CHECK(line("session abcdefghijklmnop runs") == "base_test info: session abcdefghijklmnop runs\n");
    CHECK(said([] { log::warning("it is late"); }).ends_with("Z base_test warning: it is late\n"));
    CHECK(said([] { log::error("it is too late"); }).ends_with("Z base_test error: it is too late\n"));
    CHECK(said([] { log::debug("it is early"); }).empty());
}

TEST_CASE("nothing that a text quotes begins another line, or moves a terminal's cursor") {
    CHECK(line("a\n2026-01-01T00:00:00.000Z sandboxd info: forged") ==
          "base_test info: a\\x0a2026-01-01T00:00:00.000Z sandboxd info: forged\n");
    CHECK(line("a\r\x1b[2K\tb\x7f\xc2\x9b\xff") ==
          "base_test info: a\\x0d\\x1b[2K\\x09b\\x7f\\xc2\\x9b\\xff\n");
    CHECK(line(std::string("a\0b", 3)) == "base_test info: a\\x00b\n");
    CHECK(line("caf\xc3\xa9 \\ % {}") == "base_test info: caf\xc3\xa9 \\ % {}\n");
}

TEST_CASE("a text is cut after 16 KiB") {
    CHECK(line(std::string(16384, 'x')) == "base_test info: " + std::string(16384, 'x') + "\n");
    CHECK(line(std::string(1 << 20, 'x')) == "base_test info: " + std::string(16384, 'x') + "…\n");
}

TEST_CASE("the lines of an error are messages of their own, but stand as they are where a program ends") {
    const Error error(Errc::invalid_argument, "a wrong key", "write another one");
    const std::string logged = said([&] { log::error_lines("reload: " + error.full()); });
    CHECK(std::regex_match(logged, std::regex("\\S+Z base_test error: reload: a wrong key\n"
                                              "\\S+Z base_test error:   write another one\n")));
    CHECK(said([&] { log::fatal(error.full()); }) == "base_test: a wrong key\n  write another one\n");
}

TEST_CASE("a line that cannot be written changes nothing, not even errno") {
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    const UniqueFd before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    REQUIRE(::dup2(full.get(), STDERR_FILENO) == STDERR_FILENO);
    errno = EXDEV;
    log::error("nobody hears this");
    const int after = errno;
    ::dup2(before.get(), STDERR_FILENO);
    CHECK(after == EXDEV);
}
