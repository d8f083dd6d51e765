#include "api/routes/routes.hpp"
#include "api/routing/http_metrics.hpp"
#include "embedded_openapi.hpp"
#include "unit/manager/world.hpp"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::api;
using nlohmann::json;

namespace {

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

/// `{path...}` is `{path}` there.
std::string template_of(std::string pattern) {
    const std::size_t dots = pattern.find("...}");
    return dots == std::string::npos ? pattern : pattern.erase(dots, 3);
}

} // namespace

TEST_CASE("the OpenAPI document has each route with its role, and no other") {
    test::World world;
    const HttpMetrics metrics;
    const Router router = make_router(world.manager(), "1.2.3", metrics);
    std::set<std::string> served, documented;
    for (const Route& route : router.routes())
        served.insert(lower(route.method) + " " + template_of(route.pattern) + " " +
                      std::string(to_text(route.minimum)) + (route.for_monitors ? " monitor" : ""));
    const json document = json::parse(embedded::kOpenApi);
    CHECK(document["openapi"] == "3.1.0");
    for (const auto& [path, item] : document["paths"].items())
        for (const auto& [method, operation] : item.items())
            if (method != "parameters")
                documented.insert(method + " " + path + " " + operation["x-role"].get<std::string>() +
                                  (operation.contains("x-monitor") ? " monitor" : ""));
    CHECK(served == documented);
}

TEST_CASE("the OpenAPI document's references lead to something, and its operations have names of their own") {
    const json document = json::parse(embedded::kOpenApi);
    std::set<std::string> names;
    for (const auto& [path, item] : document["paths"].items())
        for (const auto& [method, operation] : item.items())
            if (method != "parameters")
                CHECK(names.insert(operation["operationId"]).second);
    std::size_t references = 0;
    const json flat = document.flatten();
    for (const auto& [pointer, value] : flat.items()) {
        if (!pointer.ends_with("/$ref"))
            continue;
        ++references;
        INFO(pointer);
        CHECK(document.contains(json::json_pointer(value.get<std::string>().substr(1))));
    }
    CHECK(references > 100);
}

TEST_CASE("the OpenAPI document knows all states and reasons") {
    const json document = json::parse(embedded::kOpenApi);
    const json& schemas = document["components"]["schemas"];
    for (const json& state : schemas["State"]["enum"])
        CHECK(manager::state_from_text(state.get<std::string>()));
    const auto has = [](const json& list, std::string_view text) {
        return std::ranges::any_of(list, [&](const json& item) { return item == text; });
    };
    for (int i = 0; i <= static_cast<int>(manager::State::stuck); ++i)
        CHECK(has(schemas["State"]["enum"], manager::to_text(static_cast<manager::State>(i))));
    for (int i = 0; i <= static_cast<int>(manager::EndReason::host_restarted); ++i)
        CHECK(has(schemas["EndReason"]["enum"], manager::to_text(static_cast<manager::EndReason>(i))));
    const json& fates = schemas["End"]["properties"]["log"]["properties"]["reason"]["enum"];
    for (int i = static_cast<int>(manager::LogFate::expired); i <= static_cast<int>(manager::LogFate::off);
         ++i)
        CHECK(has(fates, manager::to_text(static_cast<manager::LogFate>(i))));
}
