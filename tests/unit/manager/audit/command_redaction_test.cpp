#include "manager/audit/command_redaction.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "world.hpp"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

using namespace sandbox;
using namespace sandbox::manager;
using policy::CommandAudit;
using sandbox::test::World;

namespace {

AuditEntry entry_of(CommandAudit audit, const std::vector<std::string_view>& commands,
                    std::string_view key = "key") {
    AuditEntry entry;
    put_commands(entry, audit, commands, key);
    return entry;
}

} // namespace

TEST_CASE("of commands the trail has their text, a hash of each, or nothing") {
    const std::vector<std::string_view> commands{"open 1abc", "color red"};
    CHECK(entry_of(CommandAudit::text, commands).commands ==
          std::vector<std::string>{"open 1abc", "color red"});
    const AuditEntry hashed = entry_of(CommandAudit::hash, commands);
    CHECK(hashed.commands ==
          std::vector<std::string>{hmac_sha256_hex("key", "open 1abc"), hmac_sha256_hex("key", "color red")});
    CHECK(to_json_line(hashed).find("1abc") == std::string::npos);
    CHECK(entry_of(CommandAudit::hash, commands, "other").commands != hashed.commands);
    CHECK(entry_of(CommandAudit::none, commands).commands.empty());
    CHECK(entry_of(CommandAudit::none, commands).commands_left_out == 0);
}

TEST_CASE("a line of the trail says by its key whether it has commands or their hashes") {
    const auto text = nlohmann::json::parse(to_json_line(entry_of(CommandAudit::text, {"a"})));
    CHECK(text["commands"] == nlohmann::json{"a"});
    CHECK_FALSE(text.contains("command_hashes"));
    const auto hashed = nlohmann::json::parse(to_json_line(entry_of(CommandAudit::hash, {"a"})));
    CHECK(hashed["command_hashes"] == nlohmann::json{hmac_sha256_hex("key", "a")});
    CHECK_FALSE(hashed.contains("commands"));
    CHECK_FALSE(
        nlohmann::json::parse(to_json_line(entry_of(CommandAudit::none, {"a"}))).contains("commands"));
}

TEST_CASE("no command breaks or forges a line of the trail") {
    const std::string line =
        to_json_line(entry_of(CommandAudit::text, {"a\n{\"action\":\"x\"}\x1b[2J\x7f\xc2\x9b\xff"}));
    CHECK(line.find('\n') == line.size() - 1);
    for (const char c : line.substr(0, line.size() - 1))
        CHECK((c >= 0x20 && c < 0x7f));
}

TEST_CASE("what the trail has of commands is bounded, and it says how many it left out") {
    const std::string umlauts = "x" + [] {
        std::string text;
        for (std::size_t i = 0; i < kMostAuditedCommand; ++i)
            text += "ü";
        return text;
    }();
    const std::string kept = entry_of(CommandAudit::text, {umlauts}).commands.at(0);
    CHECK(kept == umlauts.substr(0, kMostAuditedCommand - 1) + "…");
    const std::string exact(kMostAuditedCommand, 'x');
    CHECK(entry_of(CommandAudit::text, {exact}).commands.at(0) == exact);
    CHECK(entry_of(CommandAudit::hash, {umlauts}).commands.at(0) == hmac_sha256_hex("key", umlauts));

    const std::vector<std::string_view> many(kMostAuditedCommands + 3, "a");
    CHECK(entry_of(CommandAudit::hash, many).commands.size() == kMostAuditedCommands);
    CHECK(entry_of(CommandAudit::text, many).commands_left_out == 3);
    const AuditEntry large =
        entry_of(CommandAudit::text, std::vector<std::string_view>(kMostAuditedCommands, exact));
    CHECK(large.commands.size() == kMostAuditedText / kMostAuditedCommand);
    CHECK(large.commands_left_out == kMostAuditedCommands - large.commands.size());
}

TEST_CASE("the key that commands are hashed with is the manager's alone, and the next one's too") {
    World world;
    const auto hash = [&] {
        AuditEntry entry;
        const std::string id = world.ready().session.id;
        world.manager().put_commands(entry, world.found(id), std::array<std::string_view, 1>{"version"});
        return entry.commands;
    };
    const std::string path = (world.dir.path / "state/manager/audit-key").string();
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const std::string key = read_file(path);
    CHECK(key.size() == new_token().size());
    CHECK(hash() == std::vector<std::string>{hmac_sha256_hex(key, "version")});
    AuditEntry entry;
    world.manager().put_commands(entry, FoundSession{"aaaaaaaaaaaaaaaa", "acme", nullptr},
                                 std::array<std::string_view, 1>{"version"});
    CHECK(entry.commands.empty());
    world.restart_manager();
    CHECK(hash() == std::vector<std::string>{hmac_sha256_hex(key, "version")});
}
