#include "manager/capacity/host_pressure.hpp"
#include "world.hpp"

#include <fstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::TempDir;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

/// What this program reads of /proc.
struct FakeProc {
    FakeProc() {
        write(dir.path / "meminfo", "MemTotal:       16000000 kB\nMemFree:         1 kB\n"
                                    "MemAvailable:    8000000 kB\n");
        psi("memory", "1.25");
        psi("io", "40.00");
        write(dir.path / "self/limits",
              "Limit                     Soft Limit           Hard Limit           Units\n"
              "Max open files            20                   4096                 files\n");
        for (const char* number : {"0", "1", "2"})
            write(dir.path / "self/fd" / number, "");
        write(dir.path / "sys/fs/file-nr", "100\t0\t1000000\n");
    }
    void psi(const std::string& what, const std::string& full) const {
        write(dir.path / "pressure" / what, "some avg10=99.00 avg60=99.00 avg300=99.00 total=1\n"
                                            "full avg10=" +
                                                full + " avg60=98.00 avg300=98.00 total=1\n");
    }
    PressureReadings read() const { return read_pressure(dir.path.string(), dir.path.string()); }
    TempDir dir;
};

const Gate& gate_of(const std::vector<Gate>& gates, const std::string& name) {
    return *std::ranges::find(gates, name, &Gate::name);
}

} // namespace

TEST_CASE("the host's load is read from the kernel's files") {
    const FakeProc proc;
    const PressureReadings readings = proc.read();
    CHECK(readings.memory_total == Bytes{16000000ULL * 1024});
    CHECK(readings.memory_available == Bytes{8000000ULL * 1024});
    CHECK(readings.memory_full == 1.25);
    CHECK(readings.io_full == 40.0);
    CHECK(readings.descriptors_free == 17);
    CHECK(readings.disk_free > 1_MiB);
    write(proc.dir.path / "sys/fs/file-nr", "999995\t0\t1000000\n");
    CHECK(proc.read().descriptors_free == 5);
}

TEST_CASE("this machine's own files are understood") {
    const PressureReadings readings = read_pressure("/proc", "/");
    CHECK(readings.memory_total > 1_MiB);
    CHECK(readings.memory_available < readings.memory_total);
    CHECK(readings.descriptors_free > 0);
    CHECK(readings.disk_free.has_value());
    CHECK(readings.memory_full.has_value() == std::filesystem::exists("/proc/pressure/memory"));
}

TEST_CASE("each gate closes beyond its own limit and at no other's, and is open on it") {
    const FakeProc proc;
    policy::SiteAdmission limits;
    limits.memory_available_min = Bytes{8000000ULL * 1024};
    limits.memory_pressure_max = 1.25;
    limits.io_pressure_max = 40;
    limits.disk_free_min = 1_MiB;
    limits.descriptors_free_min = 17;
    const PressureReadings at_limits = proc.read();
    CHECK(closed_gate(judge_gates(limits, at_limits)) == nullptr);
    const auto closed = [&](auto change) {
        PressureReadings beyond = at_limits;
        change(beyond);
        const auto gates = judge_gates(limits, beyond);
        CHECK(std::ranges::count(gates, false, &Gate::open) == 1);
        return closed_gate(gates)->name;
    };
    CHECK(closed([](auto& r) { r.memory_available = 1_GiB; }) == "memory_available");
    CHECK(closed([](auto& r) { r.memory_full = 1.26; }) == "memory_pressure");
    CHECK(closed([](auto& r) { r.io_full = 40.1; }) == "io_pressure");
    CHECK(closed([](auto& r) { r.disk_free = 1_KiB; }) == "disk_free");
    CHECK(closed([](auto& r) { r.descriptors_free = 16; }) == "descriptors_free");
}

TEST_CASE("a gate that the host cannot measure, or the site does not want, is off, open, and says why") {
    const FakeProc proc;
    std::filesystem::remove_all(proc.dir.path / "pressure");
    policy::SiteAdmission limits;
    limits.disk_free_min.reset();
    const auto gates = judge_gates(limits, proc.read());
    CHECK(gates.size() == 5);
    const Gate& psi = gate_of(gates, "memory_pressure");
    CHECK_FALSE(psi.on);
    CHECK(psi.open);
    CHECK(psi.note == "this host does not tell it");
    const Gate& disk = gate_of(gates, "disk_free");
    CHECK_FALSE(disk.on);
    CHECK(disk.value.has_value());
    CHECK(disk.note == "the site has turned it off");
    CHECK(gate_of(gates, "memory_available").on);
    CHECK(gate_of(gates, "memory_available").note.empty());
}

TEST_CASE("readings are kept for their age, then the files are read again") {
    const FakeProc proc;
    policy::Site site;
    site.state_dir = "/nowhere/at/all";
    site.admission.descriptors_free_min = 1;
    site.admission.io_pressure_max = 50;
    PressureGates kept(site, proc.dir.path.string(), std::chrono::hours(1));
    PressureGates fresh(site, proc.dir.path.string(), Duration(0));
    CHECK(kept.host_memory() == Bytes{16000000ULL * 1024});
    CHECK(closed_gate(kept.gates()) == nullptr);
    CHECK_FALSE(gate_of(kept.gates(), "disk_free").on);
    proc.psi("io", "51.00");
    CHECK(closed_gate(kept.gates()) == nullptr);
    REQUIRE(closed_gate(fresh.gates()) != nullptr);
    CHECK(closed_gate(fresh.gates())->name == "io_pressure");
}
