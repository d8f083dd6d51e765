#include "policy_folder.hpp"

#include <limits>

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

Policy base() {
    return PolicyFolder().load_text(R"(
[chimerax]
environment = { TZ = "UTC", KEEP = "1" }
[resources]
memory_max = "4G"
memory_high = "3G"
cpus = 2
pids_max = 100
[override]
memory_max = "8G"
cpus = 4
pids_max = 200
environment = ["TZ", "APP_*"]
)");
}

Policy closed() {
    return PolicyFolder().load_text("[resources]\ncpus = 1");
}

} // namespace

TEST_CASE("an override up to its ceiling takes the place of the policy's value") {
    const Policy policy = apply_overrides(base(), {8_GiB, 4.0, 200, {{"TZ", "CET"}, {"APP_ID", "x"}}});
    CHECK(policy.resources.memory_max == 8_GiB);
    CHECK(policy.resources.cpus == 4.0);
    CHECK(policy.resources.pids_max == 200);
    CHECK(policy.chimerax.environment ==
          std::map<std::string, std::string>{{"APP_ID", "x"}, {"KEEP", "1"}, {"TZ", "CET"}});
    CHECK(apply_overrides(base(), {2_GiB, 0.5, 1, {}}).resources.cpus == 0.5);
}

TEST_CASE("no override changes nothing") {
    const Policy before = base();
    const Policy after = apply_overrides(before, {});
    CHECK(after.resources == before.resources);
    CHECK(after.chimerax == before.chimerax);
    CHECK(after.digest == before.digest);
}

TEST_CASE("memory_high keeps its share of memory_max") {
    CHECK(apply_overrides(base(), {8_GiB, {}, {}, {}}).resources.memory_high == 6_GiB);
    CHECK(apply_overrides(base(), {2_GiB, {}, {}, {}}).resources.memory_high == 1536_MiB);
}

TEST_CASE("more than a ceiling is denied, with the field and the ceiling") {
    const auto denied = [](const Overrides& overrides, const std::string& field, const char* what) {
        const Error error = error_of([&] { apply_overrides(base(), overrides); });
        CHECK(error.code() == Errc::denied);
        CHECK(error.field() == field);
        CHECK(std::string(error.what()) == what);
    };
    denied({Bytes{(8_GiB).value + 1}, {}, {}, {}}, "memory_max",
           "memory_max: value 8589934593: policy test allows at most 8G");
    denied({{}, 4.01, {}, {}}, "cpus", "cpus: value 4.01: policy test allows at most 4");
    denied({{}, {}, 201, {}}, "pids_max", "pids_max: value 201: policy test allows at most 200");
    denied({{}, {}, {}, {{"OTHER", "1"}}}, "environment.OTHER",
           "environment.OTHER: policy test lets no caller set this variable");
}

TEST_CASE("without a ceiling no override is allowed, not even a smaller one") {
    for (const Overrides& overrides : {Overrides{2_GiB, {}, {}, {}}, Overrides{{}, 0.5, {}, {}},
                                       Overrides{{}, {}, 10, {}}, Overrides{{}, {}, {}, {{"TZ", "UTC"}}}})
        CHECK(error_of([&] { apply_overrides(closed(), overrides); }).code() == Errc::denied);
}

TEST_CASE("values that make no sense are invalid, before any ceiling") {
    const auto invalid = [](const Overrides& overrides, const std::string& begin) {
        const Error error = error_of([&] { apply_overrides(closed(), overrides); });
        CHECK(error.code() == Errc::invalid_argument);
        CHECK_THAT(error.what(), Catch::StartsWith(begin));
    };
    invalid({Bytes{0}, {}, {}, {}}, "memory_max: value \"0\": must be a size from 4M to 16T");
    invalid({{}, 0.0, {}, {}}, "cpus: value 0: must be a number from 0.01 to 1024");
    invalid({{}, -1.0, {}, {}}, "cpus: value -1");
    invalid({{}, std::numeric_limits<double>::quiet_NaN(), {}, {}}, "cpus: value ");
    invalid({{}, {}, 0, {}}, "pids_max: value 0: must be a whole number from 1 to 4194304");
    invalid({{}, {}, UINT64_MAX, {}}, "pids_max: value ");
    invalid({{}, {}, {}, {{"A=B", "1"}}}, "environment.A=B: the name must have");
    invalid({{}, {}, {}, {{"", "1"}}}, "environment.: the name must have");
    invalid({{}, {}, {}, {{"TZ", std::string("a\0b", 3)}}}, "environment.TZ: the value must have");
    invalid({{}, {}, {}, {{"TZ", std::string(4097, 'a')}}}, "environment.TZ: the value must have");
}

TEST_CASE("memory that the private file systems could fill alone is invalid") {
    const Error error = error_of([&] { apply_overrides(base(), {1_GiB, {}, {}, {}}); });
    CHECK(error.code() == Errc::invalid_argument);
    CHECK_THAT(error.what(),
               Catch::StartsWith("memory_max: value 1G: must be more than 1600M, the sizes of tmp"));
}

TEST_CASE("a reserved variable is denied, whatever the ceilings say") {
    Policy policy = base();
    policy.override_ceilings.environment = {"LD_*", "HOME"};
    CHECK(error_of([&] {
              apply_overrides(policy, {{}, {}, {}, {{"LD_PRELOAD", "/work/x.so"}}});
          }).code() == Errc::denied);
    CHECK(error_of([&] {
              apply_overrides(policy, {{}, {}, {}, {{"HOME", "/work"}}});
          }).code() == Errc::denied);
}
