#include "policy/schema/schema.hpp"
#include "policy_folder.hpp"

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

void check_same(const Policy& a, const Policy& b) {
    CHECK(a.description == b.description);
    CHECK(a.digest == b.digest);
    CHECK(a.chimerax == b.chimerax);
    CHECK(a.lifecycle == b.lifecycle);
    CHECK(a.recovery == b.recovery);
    CHECK(a.admission == b.admission);
    CHECK(a.resources == b.resources);
    CHECK(a.filesystem == b.filesystem);
    CHECK(a.publish == b.publish);
    CHECK(a.seccomp_profile == b.seccomp_profile);
    CHECK(a.logs == b.logs);
    CHECK(a.audit_commands == b.audit_commands);
    CHECK(a.override_ceilings == b.override_ceilings);
}

} // namespace

TEST_CASE("an effective policy that is printed loads as the same policy") {
    const PolicyFolder folder;
    const std::string full = R"(
description = "quotes \" and \\ and é"
[chimerax]
executable = "/opt/x y/bin/ChimeraX"
arguments = ["--a \"b\"", "\t"]
environment = { A = "line\nline", B = "\u007f" }
[recovery]
autosave_every = "90s"
[admission]
max_sessions = 3
[resources]
memory_max = 5000000000
memory_high = "3G"
cpus = 0.1
[filesystem]
binds = ["/usr", { source = "/a", target = "/b" }, { source = "/c", optional = true }, { source = "/d", target = "/e", optional = true }]
devices = ["/dev/dri/card0"]
[network]
publish = "loopback"
[audit]
commands = "none"
[override]
cpus = 1.25
environment = ["A_*"]
)";
    for (const std::string& text : {full, std::string()}) {
        const Policy policy = folder.load_text(text);
        folder.write("again.toml", to_toml(policy));
        check_same(folder.load("again"), policy);
    }
}

TEST_CASE("a printed policy has every field of the schema") {
    const PolicyFolder folder;
    Document printed = parse_document(to_toml(folder.load_text("")), "printed");
    policy_file_schema().check(printed);
    const toml::table before = printed.root;
    policy_file_schema().fill_defaults(printed.root);
    CHECK(before == printed.root);
}

TEST_CASE("a tenant that is printed loads as the same tenant") {
    const PolicyFolder folder;
    for (const char* text :
         {"policies = [\"a\"]", "description = \"\\\"\"\nmemory_max = \"1G\"\ncpus = 0.3\npids_max = "
                                "9\npolicies = [\"a\", \"b\"]\nusers = [1, \"x\"]"}) {
        folder.write("acme.toml", text);
        const Tenant tenant = load_tenant(folder.path(), "acme", Trust::any_owner);
        folder.write("acme.toml", to_toml(tenant));
        CHECK(load_tenant(folder.path(), "acme", Trust::any_owner) == tenant);
    }
}
