#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::ctl {

/// Text that may come from a tenant, made harmless for a terminal: control characters become `?`, and with
/// `keep_lines` line breaks and tabs stay.
std::string printable(std::string_view text, bool keep_lines = false);

/// Columns that a text takes on a terminal: its code points.
std::size_t text_width(std::string_view utf8);

enum class Align { left, right };

struct Column {
    std::string title;
    Align align = Align::left;
    bool shrinks = false; ///< is cut, with `…`, where the table is wider than the terminal
};

/// Rows in columns two spaces apart.
class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// A cell for each column.
    void add(std::vector<std::string> cells);
    /// `width` 0 is a reader without a width: nothing is cut.
    std::string text(std::size_t width, bool headers) const;

  private:
    std::vector<std::size_t> widths(std::size_t width, bool headers) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace sandbox::ctl
