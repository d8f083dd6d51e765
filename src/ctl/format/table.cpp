#include "ctl/format/table.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace sandbox::ctl {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeast = 4; ///< no column becomes narrower

bool starts_code_point(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

/// At most `width` code points, the last of them `…` where some are lost.
std::string cut(const std::string& text, std::size_t width) {
    if (text_width(text) <= width)
        return text;
    std::string kept;
    std::size_t points = 0;
    for (const char c : text) {
        if (starts_code_point(c) && ++points == width)
            break;
        kept += c;
    }
    return kept + "…";
}

std::string padded(const std::string& text, std::size_t width, Align align) {
    const std::string space(width - std::min(width, text_width(text)), ' ');
    return align == Align::right ? space + text : text + space;
}

} // namespace

std::string printable(std::string_view text, bool keep_lines) {
    std::string safe;
    safe.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F are controls too: ESC in one character, for some terminals.
        const bool is_c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        const bool is_line = keep_lines && (c == '\n' || c == '\t');
        if (is_c1)
            ++i;
        safe += is_c1 || (!is_line && (c < 0x20 || c == 0x7f)) ? '?' : text[i];
    }
    return safe;
}

std::size_t text_width(std::string_view utf8) {
    return static_cast<std::size_t>(std::ranges::count_if(utf8, starts_code_point));
}

void Table::add(std::vector<std::string> cells) {
    if (cells.size() != columns_.size())
        throw std::logic_error("a row of " + std::to_string(cells.size()) + " cells in a table of " +
                               std::to_string(columns_.size()) + " columns");
    for (std::string& cell : cells)
        cell = printable(cell);
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(std::size_t width, bool headers) const {
    std::vector<std::size_t> needed(columns_.size(), 0);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (headers)
            needed[i] = text_width(columns_[i].title);
        for (const auto& row : rows_)
            needed[i] = std::max(needed[i], text_width(row[i]));
    }
    if (width == 0 || columns_.empty())
        return needed;
    std::size_t total = std::accumulate(needed.begin(), needed.end(), kGap * (columns_.size() - 1));
    while (total > width) {
        // The widest of those that may shrink gives a column, until all are as small as may be.
        std::size_t widest = columns_.size();
        for (std::size_t i = 0; i < columns_.size(); ++i)
            if (columns_[i].shrinks && needed[i] > kLeast &&
                (widest == columns_.size() || needed[i] > needed[widest]))
                widest = i;
        if (widest == columns_.size())
            break;
        --needed[widest];
        --total;
    }
    return needed;
}

std::string Table::text(std::size_t width, bool headers) const {
    const std::vector<std::size_t> column_widths = widths(width, headers);
    std::string all;
    const auto add_line = [&](const auto& cell_of) {
        std::string line;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            line += i == 0 ? "" : std::string(kGap, ' ');
            line += padded(cut(cell_of(i), column_widths[i]), column_widths[i], columns_[i].align);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        all += line + "\n";
    };
    if (headers)
        add_line([&](std::size_t i) { return columns_[i].title; });
    for (const auto& row : rows_)
        add_line([&](std::size_t i) { return row[i]; });
    return all;
}

} // namespace sandbox::ctl
