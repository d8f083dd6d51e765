#include "ctl/views/top_text.hpp"

#include "ctl/format/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace sandbox::ctl {
namespace {

constexpr std::size_t kWide = 110; ///< columns from which on there is room for more

std::optional<double> number(const Json& object, std::initializer_list<const char*> path) {
    const Json& value = member(object, path);
    return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

/// The last that is there of a list of figures.
std::optional<double> last_of(const Json& list) {
    if (list.is_array())
        for (auto value = list.rbegin(); value != list.rend(); ++value)
            if (value->is_number())
                return value->get<double>();
    return std::nullopt;
}

std::optional<double> sum_of(std::optional<double> a, std::optional<double> b) {
    return a || b ? std::optional(a.value_or(0) + b.value_or(0)) : std::nullopt;
}

std::optional<double> ratio(std::optional<double> used, std::optional<double> limit) {
    return used && limit && *limit > 0 ? std::optional(*used / *limit) : std::nullopt;
}

/// Greater the longer it has been idle: how long before 1970 it would have been used.
std::optional<double> idleness(const TopRow& row) {
    const Json& at = member(row.session, {"last_activity_at"});
    const auto time = at.is_string() ? parse_time(at.get<std::string>()) : std::nullopt;
    if (!time)
        return std::nullopt;
    return -std::chrono::duration<double>(time->time_since_epoch()).count();
}

/// The worst of the three resources.
std::optional<double> pressure(const TopRow& row) {
    std::optional<double> worst;
    for (const char* name : {"memory_some_avg10_percent", "cpu_some_avg10_percent", "io_some_avg10_percent"})
        if (const auto value = number(row.stats, {"pressure", name}))
            worst = std::max(worst.value_or(0), *value);
    return worst;
}

std::optional<double> memory_of(const TopRow& row) {
    return number(row.session, {"usage", "memory_bytes"});
}

std::string percent(std::optional<double> part) {
    return part ? std::to_string(std::lround(*part * 100)) + "%" : "-";
}

std::string with_bar(const std::string& text, std::size_t room, std::optional<double> part,
                     std::size_t bars) {
    if (bars == 0)
        return text;
    const std::string space(room - std::min(room, text_width(text)), ' ');
    return space + text + " " + bar(part, bars);
}

std::string pressure_words(const TopRow& row) {
    std::string text;
    for (const char* name :
         {"memory_some_avg10_percent", "cpu_some_avg10_percent", "io_some_avg10_percent"}) {
        const auto value = number(row.stats, {"pressure", name});
        text += (text.empty() ? "" : "/") + (value ? std::to_string(std::lround(*value)) : std::string("-"));
    }
    return text == "-/-/-" ? "-" : text;
}

std::string memory_words(const TopRow& row) {
    const std::string used = bytes_word(row.session, {"usage", "memory_bytes"});
    const std::string limit = bytes_word(row.session, {"limits", "enforced", "memory_bytes"});
    return limit == "-" ? used : used + "/" + limit;
}

std::string pids_words(const TopRow& row) {
    const std::string used = word(row.session, {"usage", "pids"});
    const std::string limit = word(row.session, {"limits", "enforced", "pids"});
    return limit == "-" ? used : used + "/" + limit;
}

std::string summary(const std::vector<TopRow>& rows, const std::string& sort,
                    std::chrono::system_clock::time_point now) {
    std::map<std::string, std::size_t> states;
    double cpus = 0, memory = 0;
    for (const TopRow& row : rows) {
        ++states[word(row.session, {"state"})];
        cpus += row.cpus.value_or(0);
        memory += memory_of(row).value_or(0);
    }
    std::string text = format_time(now).substr(11, 8) + "  " + std::to_string(rows.size()) +
                       (rows.size() == 1 ? " session" : " sessions");
    std::string which;
    for (const auto& [state, count] : states)
        which += (which.empty() ? ": " : ", ") + std::to_string(count) + " " + state;
    return text + which + "  CPU " + percent(cpus) + "  memory " + short_bytes(memory) + "  by " + sort;
}

/// Of a text that is wider than the terminal, as much as goes in.
std::string clipped(const std::string& line, std::size_t width) {
    Table table({{"", Align::left, true}});
    table.add({line});
    return table.text(width, false);
}

} // namespace

void TopRates::fill(TopRow& row) {
    const Json& at = member(row.stats, {"sampled_at"});
    const auto time = at.is_string() ? parse_time(at.get<std::string>()) : std::nullopt;
    const std::string id = word(row.session, {"id"});
    row.cpus = last_of(member(row.stats, {"history", "cpus"}));
    row.io_bytes_per_second = sum_of(last_of(member(row.stats, {"history", "io_read_bytes_per_second"})),
                                     last_of(member(row.stats, {"history", "io_written_bytes_per_second"})));
    if (!time)
        return;
    const auto cpu = number(row.stats, {"cpu", "used_seconds"});
    const auto io =
        sum_of(number(row.stats, {"io", "read_bytes"}), number(row.stats, {"io", "written_bytes"}));
    const Sample now{std::chrono::duration<double>(time->time_since_epoch()).count(), cpu.value_or(0),
                     io.value_or(0)};
    if (const auto before = last_.find(id); before != last_.end()) {
        const double passed = now.at - before->second.at;
        if (passed <= 0) // the sampler has not looked again
            return;
        if (cpu)
            row.cpus = std::max(0.0, (now.cpu - before->second.cpu) / passed);
        if (io)
            row.io_bytes_per_second = std::max(0.0, (now.io - before->second.io) / passed);
    }
    last_[id] = now;
}

void TopRates::keep(const std::vector<TopRow>& rows) {
    std::erase_if(last_, [&](const auto& entry) {
        return std::ranges::none_of(
            rows, [&](const TopRow& row) { return word(row.session, {"id"}) == entry.first; });
    });
}

void sort_rows(std::vector<TopRow>& rows, const std::string& key) {
    std::ranges::stable_sort(rows, {}, [](const TopRow& row) { return word(row.session, {"id"}); });
    const std::map<std::string, std::function<std::optional<double>(const TopRow&)>> figures{
        {"cpu", [](const TopRow& row) { return row.cpus; }},
        {"memory", memory_of},
        {"pids",
         [](const TopRow& row) {
             return number(row.session, {"usage", "pids"});
         }},
        {"pressure", pressure},
        {"io", [](const TopRow& row) { return row.io_bytes_per_second; }},
        {"idle", idleness}};
    if (const auto figure = figures.find(key); figure != figures.end())
        std::ranges::stable_sort(rows, [&](const TopRow& a, const TopRow& b) {
            // optional: one without a figure is less than any other.
            return figure->second(b) < figure->second(a);
        });
}

std::string bar(std::optional<double> part, std::size_t width) {
    if (!part || width == 0)
        return {};
    const auto full = std::min(
        width, static_cast<std::size_t>(std::lround(std::max(0.0, *part) * static_cast<double>(width))));
    std::string text;
    for (std::size_t i = 0; i < width; ++i)
        text += i < full ? "█" : "░";
    return text;
}

std::string top_text(const std::vector<TopRow>& rows, const std::string& sort, std::size_t width,
                     bool headers, std::chrono::system_clock::time_point now) {
    const bool wide = width == 0 || width >= kWide;
    const std::size_t bars = width == 0 ? 0 : wide ? 10 : 4;
    std::vector<Column> columns{{"ID"}};
    if (wide)
        columns.insert(columns.end(), {{"NAME", Align::left, true}, {"TENANT", Align::left, true}});
    for (const Column& column : {Column{"STATE"}, Column{"CPU", Align::right}, Column{"MEMORY", Align::right},
                                 Column{"PIDS", Align::right}, Column{"PSI m/c/i", Align::right},
                                 Column{"IO/s", Align::right}, Column{"IDLE", Align::right}})
        columns.push_back(column);
    std::size_t cpu_room = 0, memory_room = 0;
    for (const TopRow& row : rows) {
        cpu_room = std::max(cpu_room, percent(row.cpus).size());
        memory_room = std::max(memory_room, memory_words(row).size());
    }
    Table table(std::move(columns));
    for (const TopRow& row : rows) {
        std::vector<std::string> cells{word(row.session, {"id"})};
        if (wide)
            cells.insert(cells.end(), {word(row.session, {"name"}), word(row.session, {"tenant"})});
        const auto cpu_part = ratio(row.cpus, number(row.session, {"limits", "enforced", "cpus"}));
        const auto memory_part =
            ratio(memory_of(row), number(row.session, {"limits", "enforced", "memory_bytes"}));
        for (const std::string& cell :
             {word(row.session, {"state"}), with_bar(percent(row.cpus), cpu_room, cpu_part, bars),
              with_bar(memory_words(row), memory_room, memory_part, bars), pids_words(row),
              pressure_words(row),
              row.io_bytes_per_second ? short_bytes(*row.io_bytes_per_second) : std::string("-"),
              age_word(row.session, {"last_activity_at"}, now)})
            cells.push_back(cell);
        table.add(std::move(cells));
    }
    std::string text = headers ? clipped(summary(rows, sort, now), width) : "";
    return text + table.text(width, headers);
}

} // namespace sandbox::ctl
