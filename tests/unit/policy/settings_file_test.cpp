#include "policy_folder.hpp"
#include "sandbox/policy/settings_diff.hpp"

#include <regex>
#include <sstream>

#include <toml++/toml.h>

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

/// Text is behind "# ", a key behind "#".
std::string uncommented(const std::string& text) {
    return std::regex_replace(text, std::regex("(^|\n)#(?=[^ \n])"), "$1");
}

Site load(const std::string& text) {
    const PolicyFolder folder;
    folder.write("sandboxd.toml", text);
    return load_site(folder.path() + "/sandboxd.toml", Trust::any_owner);
}

Site defaults() {
    Site site;
    site.listen_unix = site.run_dir + "/api.sock";
    return site;
}

std::vector<std::string> keys_of(const toml::table& table, const std::string& prefix = {}) {
    std::vector<std::string> keys;
    for (const auto& [key, node] : table) {
        const std::string name = prefix + std::string(key.str());
        if (const toml::table* inner = node.as_table())
            for (std::string& one : keys_of(*inner, name + "."))
                keys.push_back(std::move(one));
        else
            keys.push_back(name);
    }
    return keys;
}

} // namespace

TEST_CASE("the generated sandboxd.toml says nothing as it is, and loads") {
    const std::string text = read_file(SITE_SETTINGS);
    CHECK(compare(defaults(), load(text)) == SiteChange{});
    CHECK(keys_of(toml::parse(text)).empty());
}

TEST_CASE(
    "the generated sandboxd.toml with its comment marks taken off has every setting at the code's default") {
    const std::string text = uncommented(read_file(SITE_SETTINGS));
    CHECK(compare(defaults(), load(text)) == SiteChange{});
    std::vector<std::string> keys = keys_of(toml::parse(text)), known = known_settings();
    std::ranges::sort(keys);
    std::ranges::sort(known);
    CHECK(keys == known);
}

TEST_CASE("each key of the generated sandboxd.toml has its sentence before it") {
    std::istringstream lines(read_file(SITE_SETTINGS));
    std::string before;
    for (std::string line; std::getline(lines, line); before = line)
        if (line.starts_with('[') || (line.starts_with('#') && line != "#" && !line.starts_with("# "))) {
            INFO(line);
            CHECK_THAT(before, Catch::StartsWith("# ") && Catch::EndsWith("."));
        }
}

TEST_CASE("the template of a tenant names each key, and is whole once it names a policy") {
    std::string text = read_file(TENANT_TEMPLATE);
    const auto check = [](const std::string& what) { return check_tenant_text(what, "/t", "acme"); };
    CHECK(error_of([&] { check(text); }).field() == "policies");
    text = std::regex_replace(text, std::regex("\npolicies = \\[\\]\n"), "\npolicies = [\"default\"]\n");
    CHECK(check(text) == check("policies = [\"default\"]"));
    CHECK(check(uncommented(text)) == check(text));
    CHECK(keys_of(toml::parse(uncommented(text))) == keys_of(toml::parse(to_toml(check(text)))));
}
