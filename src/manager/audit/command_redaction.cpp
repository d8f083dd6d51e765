#include "manager/audit/command_redaction.hpp"

#include "sandbox/base/id.hpp"

#include <string>
#include <utility>

namespace sandbox::manager {
namespace {

/// The first bytes of a longer one, and no part of a character of UTF-8 (RFC 3629) at their end.
std::string cut(std::string_view command) {
    if (command.size() <= kMostAuditedCommand)
        return std::string(command);
    std::size_t size = kMostAuditedCommand;
    while (size > kMostAuditedCommand - 3 && (static_cast<unsigned char>(command[size]) & 0xC0) == 0x80)
        --size;
    return std::string(command.substr(0, size)) + "…";
}

} // namespace

void put_commands(AuditEntry& entry, policy::CommandAudit audit, std::span<const std::string_view> commands,
                  std::string_view key) {
    if (audit == policy::CommandAudit::none)
        return;
    entry.commands_hashed = audit == policy::CommandAudit::hash;
    std::size_t bytes = 0;
    for (const std::string_view command : commands) {
        std::string kept = entry.commands_hashed ? hmac_sha256_hex(key, command) : cut(command);
        bytes += kept.size();
        if (entry.commands.size() == kMostAuditedCommands || bytes > kMostAuditedText)
            break;
        entry.commands.push_back(std::move(kept));
    }
    entry.commands_left_out = commands.size() - entry.commands.size();
}

} // namespace sandbox::manager
