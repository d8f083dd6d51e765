#include "ctl/format/standard_output.hpp"

#include <cerrno>

#include <unistd.h>

namespace sandbox::ctl {

DescriptorBuffer::DescriptorBuffer(int fd, bool by_lines) : fd_(fd), by_lines_(by_lines) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
}

DescriptorBuffer::~DescriptorBuffer() {
    DescriptorBuffer::sync();
}

bool DescriptorBuffer::write_out(std::string_view text) {
    while (failure_ == 0 && !text.empty()) {
        const ssize_t count = ::write(fd_, text.data(), text.size());
        if (count >= 0)
            text.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            failure_ = errno;
    }
    return failure_ == 0;
}

int DescriptorBuffer::sync() {
    const bool done = write_out({pbase(), static_cast<std::size_t>(pptr() - pbase())});
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return done ? 0 : -1;
}

std::streamsize DescriptorBuffer::xsputn(const char* text, std::streamsize size) {
    const std::string_view piece(text, static_cast<std::size_t>(size));
    if (size > epptr() - pptr() && sync() != 0)
        return 0;
    if (size > epptr() - pptr())
        return write_out(piece) ? size : 0;
    piece.copy(pptr(), piece.size());
    pbump(static_cast<int>(size));
    if (by_lines_ && piece.find('\n') != std::string_view::npos && sync() != 0)
        return 0;
    return size;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type character) {
    if (traits_type::eq_int_type(character, traits_type::eof()))
        return sync() == 0 ? traits_type::not_eof(character) : traits_type::eof();
    const char one = traits_type::to_char_type(character);
    return xsputn(&one, 1) == 1 ? character : traits_type::eof();
}

void check_output(std::ostream& out) {
    out.flush();
    if (out.fail())
        throw OutputLost{};
}

int output_failure(const std::ostream& out) {
    const auto* buffer = dynamic_cast<const DescriptorBuffer*>(out.rdbuf());
    return buffer == nullptr ? 0 : buffer->failure();
}

} // namespace sandbox::ctl
