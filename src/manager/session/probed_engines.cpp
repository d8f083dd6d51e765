#include "manager/session/probed_engines.hpp"

#include <algorithm>
#include <string_view>

namespace sandbox::manager {

std::optional<ProbedEngine> ProbedEngines::find(const Key& key) const {
    const auto entry = entries_.find(key);
    return entry == entries_.end() ? std::nullopt : entry->second.engine;
}

bool ProbedEngines::should_look(const Key& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end())
        return true;
    const Entry& entry = found->second;
    return !entry.engine && !entry.looking &&
           (!entry.failed_at || BootClock::now() - *entry.failed_at >= retry_);
}

void ProbedEngines::looking(const Key& key) {
    entries_[key].looking = true;
}

void ProbedEngines::found(const Key& key, ProbedEngine engine) {
    entries_[key] = {std::move(engine), false, {}};
}

void ProbedEngines::failed(const Key& key) {
    entries_[key] = {{}, false, BootClock::now()};
}

std::optional<std::string> version_of_note(const std::string& note) {
    static constexpr std::string_view kMark = "version:";
    const auto mark = note.find(kMark);
    if (mark == std::string::npos)
        return std::nullopt;
    const auto begin = note.find_first_not_of(' ', mark + kMark.size());
    if (begin == std::string::npos)
        return std::nullopt;
    const std::string version = note.substr(begin, std::min(note.find('\n', begin), begin + 200) - begin);
    return version.empty() ? std::nullopt : std::optional(version);
}

} // namespace sandbox::manager
