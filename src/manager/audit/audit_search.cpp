#include "manager/audit/audit_search.hpp"

#include "manager/audit/audit_file.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace sandbox::manager {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostOfFile = 64 << 20;

bool fits(const Json& line, const AuditQuery& query) {
    const std::string at = line.value("at", "");
    return (query.session.empty() || line.value("session", "") == query.session) &&
           (query.tenant.empty() || line.value("tenant", "") == query.tenant) &&
           (query.since.empty() || at >= query.since) && (query.until.empty() || at < query.until);
}

/// True: enough was found, or all before is too old.
bool search_file(const std::string& text, const AuditQuery& query, AuditFound& found) {
    std::string_view rest = text;
    while (!rest.empty()) {
        if (rest.back() == '\n')
            rest.remove_suffix(1);
        const std::size_t before = rest.rfind('\n');
        const std::string_view line = before == std::string_view::npos ? rest : rest.substr(before + 1);
        rest = before == std::string_view::npos ? std::string_view{} : rest.substr(0, before + 1);
        const Json parsed = Json::parse(line, nullptr, false);
        if (!parsed.is_object()) // cut short by a loss of power
            continue;
        if (fits(parsed, query)) {
            if (found.lines.size() == query.limit) {
                found.truncated = true;
                return true;
            }
            found.lines.emplace_back(line);
        }
    }
    // Lines stand in the order of their times, but for what a clock that was set back made.
    return false;
}

} // namespace

AuditFound search_audit(const std::string& folder, const AuditQuery& query) {
    AuditFound found;
    std::vector<std::string> files = audit_files(folder);
    std::ranges::reverse(files);
    for (const std::string& file : files) {
        std::string text;
        try {
            text = read_file(file, kMostOfFile);
        } catch (const Error& error) {
            if (error.code() == Errc::not_found) // it was renamed or dropped meanwhile
                continue;
            throw;
        }
        if (search_file(text, query, found))
            break;
    }
    std::ranges::reverse(found.lines);
    return found;
}

} // namespace sandbox::manager
