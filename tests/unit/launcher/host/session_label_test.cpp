#include "launcher/host/session_label.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace sandbox::launcher;

TEST_CASE("a session's SELinux context is of the launcher's user and role, in the sessions' domain") {
    CHECK(session_label("system_u:system_r:chimerax_sandbox_launcher_t:s0", 0) ==
          "system_u:system_r:chimerax_session_t:s0:c0,c1");
    CHECK(session_label("system_u:system_r:chimerax_sandbox_launcher_t:s0-s0:c0.c1023", 5) ==
          "system_u:system_r:chimerax_session_t:s0:c2,c3");
}

TEST_CASE("no two slots have the same categories, and SELinux has them") {
    const std::string prefix = "a:b:chimerax_session_t:s0:";
    std::set<std::string> seen;
    for (std::uint32_t slot = 0; slot < 65536; ++slot) {
        const std::string label = session_label("a:b:chimerax_sandbox_launcher_t:s0", slot);
        REQUIRE(label.starts_with(prefix + "c"));
        const std::size_t comma = label.find(",c");
        const auto lower = std::stoul(label.substr(prefix.size() + 1));
        const auto higher = std::stoul(label.substr(comma + 2));
        REQUIRE(lower < higher);
        REQUIRE(higher < 1024);
        REQUIRE(seen.insert(label).second);
    }
}

TEST_CASE("a launcher outside of its SELinux domain gives sessions no context") {
    for (const char* label : {"", "unconfined", "sandbox-launcher (enforce)", "kernel", "_",
                              "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023",
                              "system_u:system_r:chimerax_sandboxd_t:s0"})
        CHECK(session_label(label, 7).empty());
}

TEST_CASE("the own context has no end of a text or of a line in it") {
    CHECK(own_label().find('\0') == std::string::npos);
    CHECK(own_label().find('\n') == std::string::npos);
}
