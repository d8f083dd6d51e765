#pragma once

#include "policy/files/toml_document.hpp"
#include "sandbox/policy/policy.hpp"

namespace sandbox::policy {

/// Reads fields of a table that was checked against its schema and filled with defaults, so that each is
/// there and has its type.
class FieldReader {
  public:
    explicit FieldReader(const toml::table& table) : table_(table) {}

    std::string text(const char* field) const;
    std::uint64_t number(const char* field) const;
    Bytes size(const char* field) const;
    double real(const char* field) const;
    Duration duration(const char* field) const;
    std::optional<Duration> optional_duration(const char* field) const;
    std::vector<std::string> texts(const char* field) const;

    /// Nothing for the word that stands for it, as "none".
    std::optional<std::string> optional_text(const char* field, const char* unset) const;
    std::optional<std::uint64_t> optional_number(const char* field) const;
    std::optional<double> optional_real(const char* field) const;
    std::optional<Bytes> optional_size(const char* field, const char* unset = "none") const;

    const toml::node& node(const char* field) const;

  private:
    const toml::table& table_;
};

/// Whether a text is a number from 0 to 4294967294: (uid_t)-1 is no user (chown(2)).
bool is_user_id(const std::string& text);

/// All but name and digest.
Policy read_policy(const toml::table& table);

} // namespace sandbox::policy
