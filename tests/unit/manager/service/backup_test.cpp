#include "manager/service/backup.hpp"
#include "manager/store/session_store.hpp"
#include "sandbox/base/file.hpp"
#include "world.hpp"

#include <array>
#include <cstdlib>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::TempDir;
using sandbox::test::World;

TEST_CASE("a backup has the store as it is, the policies and the tenants, and tar reads it") {
    World world;
    const std::string live = world.ready().session.id, ended = world.ready().session.id;
    world.run(world.manager().remove(ended, Duration(0)));
    const Backup backup = world.run(world.manager().backup());
    CHECK(backup.size % 512 == 0);
    std::string bytes(backup.size, '\0');
    REQUIRE(::pread(backup.file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    const TempDir out;
    write_file_atomically(out.path / "backup.tar", bytes, 0600);
    const std::string command = "tar -xf " + (out.path / "backup.tar").string() + " -C " + out.path.string();
    REQUIRE(std::system(command.c_str()) == 0);
    for (const char* name : {"policies/quick.toml", "policies/seccomp/chimerax.json", "tenants/acme.toml"})
        CHECK(read_file(out.path / name) == read_file(world.dir.path / name));
    SessionStore store((out.path / "sessions.db").string());
    CHECK(store.set_aside().empty());
    const auto records = store.load();
    REQUIRE(records.size() == 2);
    CHECK(records[0].view.id == live);
    CHECK(records[1].view.end->reason == EndReason::deleted);
    CHECK(bytes.find(read_file(world.dir.path / "state/manager/token-secret")) == std::string::npos);
    for (const auto& entry : std::filesystem::directory_iterator(world.dir.path / "state/manager"))
        CHECK_FALSE(entry.path().filename().string().starts_with("backup-"));
}

TEST_CASE("a site whose admin has no policies of their own can be backed up") {
    World world;
    std::filesystem::remove_all(world.dir.path / "policies");
    const Backup backup = world.run(world.manager().backup());
    std::string bytes(backup.size, '\0');
    REQUIRE(::pread(backup.file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    CHECK(bytes.find("policies/") == std::string::npos);
    CHECK(bytes.find("tenants/acme.toml") != std::string::npos);
}
