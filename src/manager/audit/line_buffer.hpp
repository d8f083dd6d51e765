#pragma once

#include "sandbox/manager/session_view.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace sandbox::manager {

/// Lines of the audit trail that wait to be written, as many as fit; of those that do not fit, the trail
/// itself tells.
class LineBuffer {
  public:
    /// Lines that were dropped, and that the trail does not tell of yet.
    struct Gap {
        std::uint64_t count = 0;
        WallTime since{}, until{};

        std::string text() const; ///< "3 lines from … to … were dropped …", empty for none
    };

    /// What is to be written, all together.
    struct Lines {
        std::string text;
        std::uint64_t count = 0;
        std::uint64_t lost = 0; ///< were dropped since the last `take`
        Gap gap;

        bool empty() const { return text.empty() && gap.count == 0; }
        /// With a line of their own for the gap, behind the lines that were kept.
        std::string with_gap(WallTime now) const;
    };

    explicit LineBuffer(std::size_t most_bytes) : most_(most_bytes) {}

    void add(const std::string& line, WallTime now);
    bool empty() const { return lines_.empty(); }
    Lines take();
    /// It could not be written: in front of what came meanwhile.
    void give_back(const Lines& lines);

  private:
    const std::size_t most_;
    Lines lines_;
};

} // namespace sandbox::manager
