#include "manager/metering/cgroup_reader.hpp"
#include "sandbox/base/file.hpp"
#include "world.hpp"

#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::TempDir;

namespace {

void write(const TempDir& dir, const char* name, const std::string& text) {
    std::ofstream(dir.path / name) << text;
}

CgroupReader open(const TempDir& dir) {
    return CgroupReader(kernel::CgroupDir(open_fd(dir.path.string(), O_RDONLY | O_DIRECTORY), "test"));
}

} // namespace

TEST_CASE("numbers of a group's files are read, and what is none is absent") {
    CHECK(number_of("123456\n") == 123456U);
    CHECK(number_of("18446744073709551615\n") == 18446744073709551615U);
    for (const char* text : {"", "max\n", "-1\n", "18446744073709551616\n"})
        CHECK_FALSE(number_of(text).has_value());
}

TEST_CASE("a key is a whole word at the beginning of a line") {
    const std::string text = "file_mapped 1\nanon_thp 2\nanon 3\nfile 4\nshmem\n";
    CHECK(number_of(text, "anon") == 3U);
    CHECK(number_of(text, "file") == 4U);
    CHECK_FALSE(number_of(text, "shmem").has_value());
    CHECK_FALSE(number_of(text, "thp").has_value());
    CHECK_FALSE(number_of("", "anon").has_value());
    CHECK(number_of("oom 7\noom_kill 2\noom_group_kill 1\n", "oom_kill") == 2U);
    CHECK_FALSE(number_of("oom_group_kill 1", "oom_kill").has_value());
}

TEST_CASE("the bytes of all devices are added up") {
    const char* text = "8:0 rbytes=100 wbytes=20 rios=3 wios=4 dbytes=5 dios=6\n"
                       "259:0 rbytes=1000 wbytes=0 rios=3 wios=4 dbytes=5 dios=6\n";
    CHECK(sum_of(text, "rbytes") == 1100);
    CHECK(sum_of(text, "wbytes") == 20);
    CHECK(sum_of(text, "dbytes") == 10);
    CHECK(sum_of("", "rbytes") == 0);
    CHECK(sum_of("8:0 rbytes=x\n", "rbytes") == 0);
}

TEST_CASE("of a pressure file the ten seconds' average of a line is read") {
    const char* text = "some avg10=1.50 avg60=2.00 avg300=0.00 total=7\nfull avg10=0.25 avg60=0.00 total=1\n";
    CHECK(avg10_of(text, "some") == 1.5);
    CHECK(avg10_of(text, "full") == 0.25);
    CHECK_FALSE(avg10_of("", "some").has_value());
    CHECK_FALSE(avg10_of("some total=7\n", "some").has_value());
}

TEST_CASE("what a host does not count is absent, not 0") {
    const TempDir dir;
    write(dir, "cpu.stat", "usage_usec 5\nuser_usec 1\n"); // no controller: nothing of throttling
    write(dir, "io.stat", "");                             // nothing read or written yet
    const Sample sample = open(dir).read();
    CHECK(sample.cpu == std::chrono::microseconds(5));
    CHECK_FALSE(sample.cpu_throttled.has_value());
    CHECK_FALSE(sample.cpu_throttled_periods.has_value());
    CHECK(sample.io_read == Bytes{0});
    for (const auto& size : {sample.memory, sample.memory_peak, sample.memory_anon, sample.memory_swap})
        CHECK_FALSE(size.has_value());
    CHECK_FALSE(sample.oom_kills.has_value());
    CHECK_FALSE(sample.pids.has_value());
    CHECK_FALSE(sample.memory_pressure.has_value());
}

TEST_CASE("files are opened once, and read from their beginning each time") {
    const TempDir dir;
    write(dir, "memory.current", "1000\n");
    write(dir, "memory.stat", "anon 1\nfile 2\nkernel 9\nshmem 3\n");
    write(dir, "memory.swap.current", "4\n");
    write(dir, "memory.events", "low 0\noom 2\noom_kill 1\n");
    write(dir, "cpu.stat", "usage_usec 100\nnr_throttled 3\nthrottled_usec 70\n");
    write(dir, "cpu.pressure", "some avg10=12.00 avg60=0.00 avg300=0.00 total=0\n");
    write(dir, "io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    const CgroupReader files = open(dir);
    Sample sample = files.read();
    CHECK(sample.memory == Bytes{1000});
    CHECK(sample.memory_anon == Bytes{1});
    CHECK(sample.memory_file == Bytes{2});
    CHECK(sample.memory_shmem == Bytes{3});
    CHECK(sample.memory_swap == Bytes{4});
    CHECK(sample.oom_kills == 1U);
    CHECK(sample.cpu_throttled == std::chrono::microseconds(70));
    CHECK(sample.cpu_throttled_periods == 3U);
    CHECK(sample.cpu_pressure == 12.0);
    CHECK(sample.io_pressure == 0.0);
    write(dir, "memory.current", "2000\n");
    write(dir, "pids.current", "5\n"); // it was not there when the files were opened
    sample = files.read();
    CHECK(sample.memory == Bytes{2000});
    CHECK_FALSE(sample.pids.has_value());
    std::filesystem::rename(dir.path / "memory.current", dir.path / "other");
    write(dir, "memory.current", "7\n");
    CHECK(files.read().memory == Bytes{2000});
}

TEST_CASE("a symbolic link in the place of a group's file is not followed") {
    const TempDir dir;
    write(dir, "secret", "42\n");
    std::filesystem::create_symlink(dir.path / "secret", dir.path / "memory.current");
    CHECK_FALSE(open(dir).read().memory.has_value());
}
