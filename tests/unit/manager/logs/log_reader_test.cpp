#include "init/segment_log.hpp"
#include "manager/logs/log_reader.hpp"
#include "world.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

using namespace sandbox;
using sandbox::manager::read_log_tail;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

} // namespace

TEST_CASE("the full segment is the older one, whichever of the two it is") {
    const test::TempDir dir;
    SECTION("the first is being filled") {
        write(dir.path / "stdout.0", "abc");
    }
    SECTION("the second follows the first") {
        write(dir.path / "stdout.0", "ab");
        write(dir.path / "stdout.1", "c");
    }
    SECTION("the first follows the second") {
        write(dir.path / "stdout.0", "c");
        write(dir.path / "stdout.1", "ab");
    }
    CHECK(read_log_tail(dir.path.string(), "stdout", 100) == "abc");
}

TEST_CASE("the tail is taken across both segments") {
    const test::TempDir dir;
    write(dir.path / "stderr.0", "CD");
    write(dir.path / "stderr.1", "0123");
    CHECK(read_log_tail(dir.path.string(), "stderr", 4) == "23CD");
    CHECK(read_log_tail(dir.path.string(), "stderr", 2) == "CD");
    CHECK(read_log_tail(dir.path.string(), "stderr", 1) == "D");
    CHECK(read_log_tail(dir.path.string(), "stderr", 0).empty());
}

TEST_CASE("what sandbox-init writes comes back in order at every length") {
    const test::TempDir dir;
    const UniqueFd first(::open((dir.path / "stdout.0").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const UniqueFd second(::open((dir.path / "stdout.1").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    init::SegmentLog log(first.get(), second.get(), 8);
    std::string all;
    for (char c = 'a'; c <= 'z'; ++c) {
        log.write(&c, 1);
        all += c;
        const std::string read = read_log_tail(dir.path.string(), "stdout", 100);
        INFO(all);
        CHECK(read.size() >= std::min<std::size_t>(all.size(), 8));
        CHECK(all.ends_with(read));
    }
}

TEST_CASE(
    "a log that is not there is empty; a link or a FIFO in its place is not followed and not waited for") {
    const test::TempDir dir;
    CHECK(read_log_tail(dir.path.string(), "stdout", 100).empty());
    CHECK(read_log_tail((dir.path / "none").string(), "stdout", 100).empty());
    write(dir.path / "secret", "secret");
    std::filesystem::create_symlink(dir.path / "secret", dir.path / "stdout.0");
    CHECK(read_log_tail(dir.path.string(), "stdout", 100).empty());
    REQUIRE(::mkfifo((dir.path / "stdout.1").c_str(), 0600) == 0);
    CHECK(read_log_tail(dir.path.string(), "stdout", 100).empty());
}

TEST_CASE("who follows a log gets all that is written, over the change of segments, once") {
    const test::TempDir dir;
    const auto open = [&](const char* name) {
        return UniqueFd(::open((dir.path / name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    };
    const UniqueFd first = open("stdout.0"), second = open("stdout.1");
    init::SegmentLog log(first.get(), second.get(), 8);
    log.write("before", 6);
    manager::LogReader follower(dir.path.string(), "stdout", 0);
    CHECK(follower.next_piece().empty());
    CHECK(follower.read_new().empty());
    std::string all;
    for (const char* piece : {"abc", "de", "f", "", "ghijk", "lmn", "opqrs"}) {
        log.write(piece, std::string(piece).size());
        all += follower.read_new();
    }
    CHECK(all == "abcdefghijklmnopqrs");
    // The last line of a session, whose log goes with it.
    log.write("end", 3);
    std::filesystem::remove(dir.path / "stdout.0");
    std::filesystem::remove(dir.path / "stdout.1");
    CHECK(follower.read_new() == "end");
}

TEST_CASE("a log is read in bounded pieces, from both segments in order, and goes on where they end") {
    const test::TempDir dir;
    const std::string old = std::string(700'000, 'a') + "b";
    write(dir.path / "stdout.1", old);
    write(dir.path / "stdout.0", "c");
    manager::LogReader log(dir.path.string(), "stdout", 700'001);
    CHECK(log.is_cut());
    std::ofstream(dir.path / "stdout.0", std::ios::app) << "d";
    std::string all;
    for (std::string piece = log.next_piece(); !piece.empty(); piece = log.next_piece()) {
        CHECK(piece.size() <= manager::LogReader::kPiece);
        all += piece;
    }
    CHECK(all == old.substr(1) + "c");
    CHECK(log.read_new() == "d");
    CHECK_FALSE(manager::LogReader(dir.path.string(), "stdout", 1 << 20).is_cut());
    CHECK_FALSE(manager::LogReader(dir.path.string(), "stderr", 1).is_there());
}

TEST_CASE("a segment that is emptied while it is read gives what is left of the log") {
    const test::TempDir dir;
    write(dir.path / "stdout.1", std::string(700'000, 'a'));
    write(dir.path / "stdout.0", "c");
    manager::LogReader log(dir.path.string(), "stdout", 1 << 20);
    CHECK(log.next_piece().size() == manager::LogReader::kPiece);
    std::filesystem::resize_file(dir.path / "stdout.1", 0);
    CHECK(log.next_piece() == "c");
    CHECK(log.next_piece().empty());
}
