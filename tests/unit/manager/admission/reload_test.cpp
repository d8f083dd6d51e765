#include "world.hpp"

#include <fstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using sandbox::manager::Reloaded;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

/// With a site file, and without the policy that is wrong.
struct Site : World {
    Site()
        : World([](policy::Site& site, manager::Tuning&) {
              site.origin = site.run_dir + "/sandboxd.toml";
              site.listen_unix = site.run_dir + "/api.sock";
              write(site.origin, text(site));
              std::filesystem::remove(site.policies_dir + "/broken.toml");
          }) {}

    static void write(const std::filesystem::path& path, const std::string& text) {
        std::ofstream(path) << text;
    }
    static std::string text(const policy::Site& site, const std::string& admission = "") {
        return "slots = 64\npolicies_dir = \"" + site.policies_dir +
               "\"\nvendor_policies_dir = \"none\"\ntenants_dir = \"" + site.tenants_dir +
               "\"\nrun_dir = \"" + site.run_dir + "\"\nstate_dir = \"" + site.state_dir +
               "\"\n[admission]\nmemory_budget = \"1024G\"\nmemory_available_min = \"none\"\n"
               "disk_free_min = \"none\"\nmemory_pressure_max = \"none\"\nio_pressure_max = \"none\"\n"
               "descriptors_free_min = \"none\"\n" +
               admission;
    }
    Reloaded reload() { return run(manager().reload()); }
    std::string text_of(const std::string& name) const {
        std::ifstream file(dir.path / name);
        return {std::istreambuf_iterator<char>(file), {}};
    }
};

std::vector<std::string> names(const std::vector<policy::Policy>& policies) {
    std::vector<std::string> all;
    for (const policy::Policy& policy : policies)
        all.push_back(policy.name);
    return all;
}

} // namespace

TEST_CASE("a reload takes policies, tenants and settings, and tells what has changed") {
    Site site;
    site.reload();
    CHECK(site.reload().policies == Reloaded::Names{});
    Site::write(site.dir.path / "policies/quick.toml",
                "description = \"new\"\n" + site.text_of("policies/quick.toml"));
    Site::write(site.dir.path / "policies/other.toml", "extends = \"quick\"\n");
    std::filesystem::remove(site.dir.path / "policies/sealed.toml");
    Site::write(site.dir.path / "tenants/tiny.toml", "max_sessions = 2\npolicies = [\"other\"]\n");
    Site::write(site.dir.path / "sandboxd.toml",
                Site::text(site.manager().site(), "max_sessions = 7\n[audit]\nkeep = \"5d\"\n"));
    const Reloaded done = site.reload();
    CHECK(done.policies == Reloaded::Names{{"other"}, {"quick"}, {"sealed"}});
    CHECK(done.tenants == Reloaded::Names{{}, {"tiny"}, {}});
    CHECK(done.settings == policy::SiteChange{{"admission.max_sessions"}, {"audit.keep"}});
    CHECK(site.manager().pressure().sessions_max == 7);
    CHECK(site.ready("tiny", "other").session.policy == "other");
    CHECK(site.manager().reloads() == 3);
    CHECK((*site.launcher)->reloads.size() == 3);
}

TEST_CASE("where one file is wrong all of the old ones stay in force, and each wrong one is named") {
    Site site;
    const std::vector<std::string> before = names(site.manager().policies());
    Site::write(site.dir.path / "policies/quick.toml", "[resources]\ncpus = true\n");
    Site::write(site.dir.path / "policies/other.toml", "nonsense = 1\n");
    std::filesystem::remove(site.dir.path / "policies/sealed.toml");
    const Error error = error_of([&] { site.reload(); });
    CHECK(error.code() == Errc::invalid_argument);
    CHECK(std::string(error.what()).find("policies/quick.toml:2:8: resources.cpus") != std::string::npos);
    CHECK(std::string(error.what()).find("policies/other.toml:1:1: nonsense") != std::string::npos);
    CHECK((*site.launcher)->reloads.empty());
    CHECK(names(site.manager().policies()) == before);
    CHECK(site.ready().session.policy == "quick");
}

TEST_CASE("what the launcher does not trust is not taken by the manager either") {
    Site site;
    (*site.launcher)->refuse_reload = [] {
        return std::optional(
            protocol::Failure{Errc::invalid_argument, "quick.toml: can be written by everybody", "", ""});
    };
    std::filesystem::remove(site.dir.path / "policies/sealed.toml");
    const std::vector<std::string> before = names(site.manager().policies());
    CHECK(error_of([&] { site.reload(); }).code() == Errc::invalid_argument);
    CHECK(names(site.manager().policies()) == before);
    CHECK(site.manager().reloads() == 0);
    (*site.launcher)->refuse_reload = {};
    CHECK(site.reload().policies.removed == std::vector<std::string>{"sealed"});
}

TEST_CASE("files that change between the readings of the two programs are read again") {
    Site site;
    int refusals = 2;
    (*site.launcher)->refuse_reload = [&]() -> std::optional<protocol::Failure> {
        if (--refusals < 0)
            return std::nullopt;
        Site::write(site.dir.path / "policies/quick.toml", "description = \"" + std::to_string(refusals) +
                                                               "\"\n" + site.text_of("policies/mortal.toml"));
        return protocol::Failure{Errc::conflict, "changed", "", "digest"};
    };
    CHECK(site.reload().policies.changed == std::vector<std::string>{"quick"});
    const auto& reloads = (*site.launcher)->reloads;
    REQUIRE(reloads.size() == 3);
    CHECK(reloads[0].digest != reloads[2].digest);
}

TEST_CASE("a session that runs keeps the policy that it was started with") {
    Site site;
    const auto created = site.ready();
    std::string text = site.text_of("policies/quick.toml");
    const std::string before = "command_timeout = \"20s\"";
    text.replace(text.find(before), before.size(), "command_timeout = \"30s\"");
    Site::write(site.dir.path / "policies/quick.toml", text);
    site.reload();
    CHECK(site.manager().get(created.session.id).policy_digest == created.session.policy_digest);
    CHECK(site.manager().use(site.found(created.session.id)).request_timeout == std::chrono::seconds(20));
    const auto next = site.ready();
    CHECK(next.session.policy_digest != created.session.policy_digest);
    CHECK(site.manager().use(site.found(next.session.id)).request_timeout == std::chrono::seconds(30));
}

TEST_CASE("more places let who waits in") {
    Site site;
    Site::write(site.dir.path / "sandboxd.toml", Site::text(site.manager().site(), "max_sessions = 1\n"));
    site.reload();
    site.ready();
    const auto waiting = site.create();
    CHECK(site.state(waiting.session.id) == manager::State::queued);
    Site::write(site.dir.path / "sandboxd.toml", Site::text(site.manager().site(), "max_sessions = 2\n"));
    site.reload();
    CHECK(site.wait(waiting.session.id, manager::State::ready).state == manager::State::ready);
}

TEST_CASE("without the launcher nothing is taken") {
    Site site;
    site.launcher->stop_listening();
    site.launcher->disconnect();
    site.until([&] { return !site.manager().launcher_connected(); }, "the launcher is away");
    std::filesystem::remove(site.dir.path / "policies/sealed.toml");
    CHECK(error_of([&] { site.reload(); }).code() == Errc::unavailable);
    CHECK(site.manager().reloads() == 0);
}

TEST_CASE("a probe that finds its policy changed publishes no port by it") {
    World world;
    std::filesystem::remove(world.dir.path / "policies/broken.toml");
    (*world.launcher)->takes_probes = true;
    (*world.launcher)->refuse_launch =
        [&](const protocol::Launch& launch) -> std::optional<protocol::Failure> {
        if (launch.probe_of.empty() || (*world.launcher)->launches.size() > 2)
            return std::nullopt;
        (*world.launcher)->refuses_publish = true;
        Site::write(world.dir.path / "policies/open.toml", "description = \"new\"\nextends = \"quick\"\n"
                                                           "[network]\npublish = \"loopback\"\n");
        return protocol::Failure{Errc::conflict, "another policy", "", "digest"};
    };
    const auto created = world.ready("acme", "open");
    const auto version = [&] { return world.manager().get(created.session.id).engine.version; };
    world.until([&] { return !version().empty(); }, "the probe tells the version");
    CHECK((*world.launcher)->launches.at(2).digest != created.session.policy_digest);
}
