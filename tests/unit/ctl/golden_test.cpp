#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/verify/verify_text.hpp"
#include "ctl/views/inspect_text.hpp"
#include "ctl/views/session_text.hpp"
#include "ctl/views/top_text.hpp"
#include "facts.hpp"
#include "top_rows.hpp"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::ctl;

namespace {

const auto kNow = *parse_time("2026-01-31T09:15:07Z");

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void compare(const std::string& name, const std::string& text) {
    const char* root = std::getenv("SANDBOX_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    const std::string path = std::string(root) + "/tests/unit/ctl/golden/" + name + ".txt";
    if (std::getenv("SANDBOX_RENEW_GOLDEN") != nullptr) {
        std::ofstream(path) << text;
        FAIL_CHECK("wrote " << path);
        return;
    }
    CAPTURE(path);
    CHECK(content_of(path) == text);
}

using Print = std::function<std::string(const Terminal&)>;

/// For terminals of 80 and 160 columns, and piped. `fits`: no line is wider than the terminal.
void check_golden(const std::string& name, const Print& print, bool fits) {
    std::ostringstream out, err;
    for (const std::size_t width : {80U, 160U, 0U}) {
        const Terminal terminal{out, err, width, false, width > 0};
        const std::string text = print(terminal);
        CAPTURE(name, width);
        if (fits && width > 0) {
            std::istringstream lines(text);
            for (std::string line; std::getline(lines, line);)
                CHECK(text_width(line) <= width);
        }
        compare(name + "." + (width > 0 ? std::to_string(width) : "pipe"), text);
    }
}

std::vector<Check> checks() {
    return {{"kernel", Verdict::good, "6.1.0-18-amd64", {}},
            {"controllers", Verdict::warning, "missing: io (there: cpu memory pids)", "Boot with it."},
            {"user namespaces", Verdict::failed, "user.max_user_namespaces is 0",
             "sysctl user.max_user_namespaces=65536; the kernel needs CONFIG_USER_NS."}};
}

} // namespace

TEST_CASE("golden: ls", "[golden]") {
    check_golden(
        "ls",
        [](const Terminal& terminal) {
            std::vector<Json> sessions;
            for (const TopRow& row : test::top_rows())
                sessions.push_back(row.session);
            return session_table(sessions, kNow).text(terminal.width, true);
        },
        false); // its fixed columns alone may be wider than 80
}

TEST_CASE("golden: top", "[golden]") {
    check_golden(
        "top",
        [](const Terminal& terminal) {
            auto rows = test::top_rows();
            sort_rows(rows, "cpu");
            return top_text(rows, "cpu", terminal.width, true, kNow);
        },
        true);
}

TEST_CASE("golden: inspect", "[golden]") {
    check_golden(
        "inspect",
        [](const Terminal& terminal) {
            return inspect_text(terminal, test::top_rows().front().session, test::good_facts(), kNow);
        },
        false); // the facts of the session, one a line, are never cut
}

TEST_CASE("golden: verify", "[golden]") {
    check_golden(
        "verify",
        [](const Terminal& terminal) {
            Json facts = test::good_facts();
            facts["cgroup"]["files"]["memory.max"] = "max";
            facts["promise"]["strict"] = false;
            facts["cgroup"]["files"].erase("cpu.max");
            facts["not_enforced"] = {"cpu.max: controller cpu is missing"};
            return verify_text(terminal, "abcdefghijklmnop", verify(facts), true, false);
        },
        false); // nor is what was found
}

TEST_CASE("golden: doctor", "[golden]") {
    check_golden(
        "doctor", [](const Terminal& terminal) { return doctor_text(terminal, checks(), false); },
        false); // a cure is never cut
}
