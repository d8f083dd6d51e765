#include "manager/audit/audit_file.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/manager/audit.hpp"
#include "world.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;
using sandbox::test::error_of;
using sandbox::test::TempDir;

namespace {

std::string folder_in(const TempDir& dir) {
    return (dir.path / "audit").string();
}

std::string all_of(const std::string& folder) {
    std::string text;
    for (const std::string& file : audit_files(folder))
        text += read_file(file);
    return text;
}

} // namespace

TEST_CASE("lines are kept, also by the next program, in a file for its user alone") {
    const TempDir dir;
    AuditFile(folder_in(dir), {}).append("one\ntwo\n");
    AuditFile(folder_in(dir), {}).append("three\n");
    CHECK(all_of(folder_in(dir)) == "one\ntwo\nthree\n");
    struct stat status {};
    REQUIRE(::stat((folder_in(dir) + "/audit.jsonl").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    REQUIRE(::stat(folder_in(dir).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("a line that was cut short is ended, and joins no other") {
    const TempDir dir;
    AuditFile(folder_in(dir), {}).append("whole\n");
    std::ofstream(folder_in(dir) + "/audit.jsonl", std::ios::app) << "half";
    AuditFile(folder_in(dir), {}).append("next\n");
    CHECK(all_of(folder_in(dir)) == "whole\nhalf\nnext\n");
}

TEST_CASE("lines that do not fit on the disk are an error, and leave no part of themselves") {
    const TempDir dir;
    AuditFile file(folder_in(dir), {});
    file.append("whole\n");
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
    const rlim_t before = std::exchange(limit.rlim_cur, 1024);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    const std::string lines(2000, 'x');
    const Error error = error_of([&] { file.append(lines + "\n"); });
    limit.rlim_cur = before;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(error.code() == Errc::io);
    CHECK(all_of(folder_in(dir)) == "whole\n");
    file.append("later\n");
    CHECK(all_of(folder_in(dir)) == "whole\nlater\n");
}

TEST_CASE("a full file is put aside, and the oldest go when there is too much") {
    const TempDir dir;
    AuditFile file(folder_in(dir), {.file_size = Bytes{100}, .total_size = Bytes{350}, .age = 1h});
    for (char c = 'a'; c < 'a' + 10; ++c)
        file.append(std::string(89, c) + "\n");
    const std::string all = all_of(folder_in(dir));
    CHECK(all.size() <= 350 + 90);
    CHECK(all.size() >= 270);
    CHECK(all.ends_with("j\n"));
    CHECK(all.find('a') == std::string::npos);
    CHECK(std::ranges::is_sorted(all, [](char a, char b) { return a != '\n' && b != '\n' && a < b; }));
}

TEST_CASE("files that are too old go") {
    const TempDir dir;
    AuditFile file(folder_in(dir), {.file_size = Bytes{10}, .total_size = 1_MiB, .age = 1h});
    file.append("first\n");
    file.append("second\n");
    REQUIRE(audit_files(folder_in(dir)).size() == 2);
    const timespec old[2]{{1000, 0}, {1000, 0}};
    REQUIRE(::utimensat(AT_FDCWD, audit_files(folder_in(dir)).front().c_str(), old, 0) == 0);
    AuditFile next(folder_in(dir), {.file_size = Bytes{10}, .total_size = 1_MiB, .age = 1h});
    CHECK(all_of(folder_in(dir)) == "second\n");
}

TEST_CASE("a line is one line, whatever a tenant's text holds") {
    AuditEntry entry;
    entry.action = "command";
    entry.detail = "a\nb\x1b[2J\xff\"";
    entry.took = 1500ms;
    const std::string line = to_json_line(entry);
    CHECK(std::ranges::count(line, '\n') == 1);
    CHECK(std::ranges::none_of(line, [](char c) { return c != '\n' && (c < 0x20 || c == 0x7f); }));
    const auto parsed = nlohmann::json::parse(line);
    CHECK(parsed["took_seconds"] == 1.5);
    CHECK_FALSE(parsed.contains("tenant"));
}
