#pragma once

#include <array>
#include <ostream>
#include <streambuf>
#include <string_view>

namespace sandbox::ctl {

/// A descriptor as a stream that remembers why it could not be written to.
class DescriptorBuffer : public std::streambuf {
  public:
    /// `by_lines`: nothing of a whole line waits, as at a terminal.
    DescriptorBuffer(int fd, bool by_lines);
    DescriptorBuffer(const DescriptorBuffer&) = delete;
    DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;
    ~DescriptorBuffer() override;

    /// An errno; 0 as long as all went well.
    int failure() const { return failure_; }

  protected:
    int_type overflow(int_type character) override;
    std::streamsize xsputn(const char* text, std::streamsize size) override;
    int sync() override;

  private:
    bool write_out(std::string_view text);

    int fd_;
    bool by_lines_;
    int failure_ = 0;
    std::array<char, 16384> buffer_{};
};

/// Thrown where standard output takes no more: whatever a verb does with its errors, this goes through to its
/// end, which tells of it.
struct OutputLost {};

/// Flushes; throws OutputLost where anything that was printed so far could not be written.
void check_output(std::ostream& out);

/// Why, as an errno; 0 where that is not known.
int output_failure(const std::ostream& out);

} // namespace sandbox::ctl
