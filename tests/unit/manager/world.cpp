#include "world.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <boost/asio/detached.hpp>

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace sandbox::test {
namespace {

constexpr const char* kCommon = R"(
[resources]
memory_max = "1G"

[filesystem]
binds = ["/usr"]
tmp = { size = "16M", inodes = 100 }
home = { size = "16M", inodes = 100 }
work = { size = "16M", inodes = 100 }
shm = { size = "16M", inodes = 100 }

[override]
memory_max = "2G"

[network]
)";

constexpr const char* kQuick = R"(
[chimerax]
start_timeout = "5s"
command_timeout = "20s"
grace = "1s"
)";

/// Short enough to wait for, long enough for a loaded machine to answer.
constexpr const char* kImpatient = R"(
[chimerax]
start_timeout = "1s"
command_timeout = "1s"
grace = "1s"
)";

constexpr const char* kMortal = R"(
[lifecycle]
end_after = "50s"
max_lifetime = "100s"
)";

constexpr const char* kDrowsy = R"(
[lifecycle]
freeze_after = "1s"
end_after = "2s"
)";

constexpr const char* kSturdy = R"(
[recovery]
max_restarts = 2
)";

constexpr const char* kSaving = R"(
[recovery]
max_restarts = 2
autosave_every = "1s"
)";

constexpr const char* kSeccomp = R"({
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]
})";

void write(const fs::path& path, const std::string& text) {
    std::ofstream(path) << text;
}

void write_site(const fs::path& dir) {
    fs::create_directories(dir / "policies");
    fs::create_directories(dir / "tenants");
    fs::create_directories(dir / "policies/seccomp");
    write(dir / "policies/seccomp/chimerax.json", kSeccomp);
    const std::string closed = std::string(kCommon) + "publish = \"none\"\n";
    write(dir / "policies/quick.toml", kQuick + closed);
    write(dir / "policies/mortal.toml", std::string(kQuick) + kMortal + closed);
    write(dir / "policies/drowsy.toml", std::string(kQuick) + kDrowsy + closed);
    write(dir / "policies/sturdy.toml", std::string(kQuick) + kSturdy + closed);
    write(dir / "policies/saving.toml", std::string(kQuick) + kSaving + closed);
    write(dir / "policies/impatient_sturdy.toml", std::string(kImpatient) + kSturdy + closed);
    write(dir / "policies/rare.toml", std::string(kQuick) + "[admission]\nmax_sessions = 2\n" + closed);
    write(dir / "policies/impatient.toml", kImpatient + closed);
    write(dir / "policies/open.toml", std::string(kQuick) + kCommon + "publish = \"loopback\"\n");
    write(dir / "policies/sealed.toml", kQuick + closed);
    write(dir / "policies/broken.toml", "[chimerax\n");
    write(dir / "tenants/acme.toml", "max_sessions = 20\npolicies = [\"quick\", \"mortal\", \"drowsy\", "
                                     "\"sturdy\", \"saving\", \"impatient_sturdy\", \"open\", "
                                     "\"impatient\", \"rare\", \"broken\", \"none\"]\n");
    write(dir / "tenants/globex.toml", "max_sessions = 20\npolicies = [\"quick\", \"rare\"]\n");
    write(dir / "tenants/tiny.toml", "max_sessions = 1\npolicies = [\"quick\"]\n");
}

} // namespace

TempDir::TempDir() {
    std::string name = (fs::temp_directory_path() / "manager-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw_errno("mkdtemp");
    path = name;
}

TempDir::~TempDir() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
}

World::World(const std::function<void(policy::Site&, manager::Tuning&)>& change, bool with_launcher) {
    write_site(dir.path);
    site_.policies_dir = (dir.path / "policies").string();
    site_.vendor_policies_dir.clear();
    site_.tenants_dir = (dir.path / "tenants").string();
    site_.run_dir = dir.path.string();
    site_.state_dir = (dir.path / "state").string();
    fs::create_directories(site_.state_dir);
    site_.slots = 64;
    site_.admission.memory_budget = 1024_GiB;
    // The machine's load is no matter of most tests.
    site_.admission.memory_available_min = site_.admission.disk_free_min = {};
    site_.admission.memory_pressure_max = site_.admission.io_pressure_max = {};
    site_.admission.descriptors_free_min = {};
    tuning_.queue_recheck = 20ms;
    tuning_.pressure_age = 0ms;
    tuning_.payload_recheck = 10ms;
    tuning_.reconnect_first = tuning_.reconnect_longest = 10ms;
    tuning_.stuck_retry = 20ms;
    tuning_.usage_age = 0ms;
    if (change)
        change(site_, tuning_);
    if (with_launcher)
        launcher.emplace(io, dir.path);
    restart_manager();
}

World::~World() {
    manager_.reset();
    launcher.reset();
}

void World::restart_manager() {
    manager_.reset();
    manager_ = std::make_unique<manager::Manager>(io, site_, tuning_);
}

void World::until(const std::function<bool()>& condition, const std::string& what) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("in 20 s it did not happen that " + what);
        io.restart();
        io.run_one_for(20ms);
    }
}

void World::settle() {
    io.restart();
    while (io.poll() > 0) {
    }
}

void World::run(asio::awaitable<void> what) {
    bool done = false;
    std::exception_ptr failure;
    asio::co_spawn(io, std::move(what), [&](const std::exception_ptr& thrown) {
        failure = thrown;
        done = true;
    });
    until([&] { return done; }, "a coroutine ends");
    if (failure)
        std::rethrow_exception(failure);
}

manager::Created World::create(const std::string& tenant, const std::string& policy) {
    manager::CreateRequest request;
    request.tenant = tenant;
    request.policy = policy;
    return run(manager_->create(request));
}

manager::SessionView World::wait(const std::string& id, manager::State state) {
    return run(manager_->wait(id, {state}, 10s));
}

manager::Created World::ready(const std::string& tenant, const std::string& policy) {
    manager::Created created = create(tenant, policy);
    created.session = wait(created.session.id, manager::State::ready);
    if (created.session.state != manager::State::ready)
        throw std::runtime_error("it ended instead of being ready: " + created.session.end->message);
    return created;
}

manager::FoundSession World::found(const std::string& id) {
    std::optional<manager::FoundSession> session = manager_->find(id);
    if (!session)
        throw Error(Errc::not_found, "no session " + id);
    return *std::move(session);
}

asio::awaitable<chimerax::RestReply> World::run_command(const std::string& id, const std::string& command,
                                                        Duration timeout) {
    chimerax::RestRequest request;
    request.target = "/run?command=" + command;
    return manager_->rest(found(id), std::move(request), timeout);
}

} // namespace sandbox::test
