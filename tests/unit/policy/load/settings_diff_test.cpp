#include "sandbox/policy/loader.hpp"
#include "sandbox/policy/schemas.hpp"
#include "sandbox/policy/settings_diff.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::policy;

TEST_CASE("each setting of the schema is one that a reload knows") {
    std::vector<std::string> wanted;
    const auto schema = nlohmann::json::parse(site_schema());
    for (const auto& [name, field] : schema["properties"].items()) {
        if (!field.contains("properties"))
            wanted.push_back(name);
        else
            for (const auto& [inner, unused] : field["properties"].items())
                wanted.push_back(name + "." + inner);
    }
    std::vector<std::string> known = known_settings();
    std::ranges::sort(wanted);
    std::ranges::sort(known);
    CHECK(known == wanted);
}

TEST_CASE("what a running manager can take is taken, and the rest is named and left") {
    Site in_force, next;
    next.admission.max_sessions = 5;
    next.on_stop = OnStop::keep;
    next.admin_token_hashes = {"a"};
    next.slots = 12;
    next.audit.keep = std::chrono::hours(2);
    next.logs.keep.reset();
    CHECK(compare(in_force, in_force) == SiteChange{});
    CHECK(compare(in_force, next) ==
          SiteChange{{"on_stop", "logs.keep", "admission.max_sessions", "admin_token_hashes"},
                     {"slots", "audit.keep"}});
    apply(in_force, next);
    CHECK(compare(in_force, next) == SiteChange{{}, {"slots", "audit.keep"}});
    CHECK(in_force.slots == 1024);
}
