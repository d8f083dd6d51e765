#include "manager/audit/line_buffer.hpp"

#include "sandbox/manager/audit.hpp"

#include <algorithm>
#include <utility>

namespace sandbox::manager {

std::string LineBuffer::Gap::text() const {
    if (count == 0)
        return {};
    return std::to_string(count) + " lines from " + format_time(since) + " to " + format_time(until) +
           " were dropped while the trail could not be written";
}

std::string LineBuffer::Lines::with_gap(WallTime now) const {
    if (gap.count == 0)
        return text;
    AuditEntry entry;
    entry.at = now;
    entry.action = "audit.lost";
    entry.actor = "manager";
    entry.outcome = std::to_string(gap.count);
    entry.detail = gap.text();
    return text + to_json_line(entry);
}

void LineBuffer::add(const std::string& line, WallTime now) {
    if (lines_.text.size() + line.size() > most_) {
        if (lines_.gap.count++ == 0)
            lines_.gap.since = now;
        lines_.gap.until = now;
        ++lines_.lost;
        return;
    }
    lines_.text += line;
    ++lines_.count;
}

LineBuffer::Lines LineBuffer::take() {
    return std::exchange(lines_, {});
}

void LineBuffer::give_back(const Lines& lines) {
    lines_.text.insert(0, lines.text);
    lines_.count += lines.count;
    if (lines.gap.count == 0)
        return;
    // What was lost is told already; that the trail does not tell of it yet is not.
    lines_.gap.since = lines.gap.since;
    lines_.gap.until = std::max(lines_.gap.until, lines.gap.until);
    lines_.gap.count += lines.gap.count;
}

} // namespace sandbox::manager
