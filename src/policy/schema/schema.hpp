#pragma once

#include "policy/files/toml_document.hpp"

#include <memory>
#include <string_view>

namespace sandbox::policy {

/// Interprets the part of JSON Schema 2020-12 that this project's schemas use, over TOML: so each error has
/// the line and column of its value, and words that an admin understands.
///
/// Beyond the standard: `format` size, duration, path and text are asserted; `x-minimum` and `x-maximum`
/// bound sizes and durations; `x-unset` is the word that stands for "no value"; `x-allowed` says in words
/// what `pattern` means; values with `x-secret` are not shown.
class Schema {
  public:
    explicit Schema(std::string_view text);
    ~Schema();
    Schema(const Schema&) = delete;
    Schema& operator=(const Schema&) = delete;

    /// Throws Error invalid_argument at the first key or value that is wrong.
    void check(const Document& document) const;

    /// Checks one value by its field's rules, as a caller's override; throws as check() does, the field
    /// first.
    void check_value(const std::string& field, const toml::node& value) const;

    /// Adds the default of every field that is not there, through all tables.
    void fill_defaults(toml::table& table) const;

  private:
    struct Content;
    std::unique_ptr<const Content> content_;
};

/// The schemas of the three kinds of files: constants that are parsed once.
const Schema& policy_file_schema();
const Schema& tenant_file_schema();
const Schema& site_file_schema();

} // namespace sandbox::policy
