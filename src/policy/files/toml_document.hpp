#pragma once

#include "sandbox/base/error.hpp"

#include <string>

#include <toml++/toml.h>

namespace sandbox::policy {

/// The most that a policy, tenant, site or seccomp file may hold.
inline constexpr std::size_t kMaxFileSize = 1 << 20;

/// A TOML file as it was read, perhaps with others merged below it. Every node that a file wrote knows its
/// file, line and column; those that stand for defaults know none.
struct Document {
    std::string origin;
    toml::table root;
};

/// Reads TOML 1.0. Throws Error invalid_argument "ORIGIN:LINE:COLUMN: what is wrong".
Document parse_document(const std::string& text, const std::string& origin);

/// The node at a dotted field, as `filesystem.binds[2].source`; null where there is none.
const toml::node* find_node(const Document& document, const std::string& field);

/// "FILE:LINE:COLUMN: "; "FILE: " where nobody wrote the node.
std::string position(const Document& document, const toml::source_region& source);

/// The value as the file wrote it, short and printable.
std::string value_text(const toml::node& node);

/// `ORIGIN:LINE:COLUMN: FIELD: value "x": must be …`, at the node.
Error wrong_value(const Document& document, const toml::node& node, const std::string& field,
                  const std::string& must);

/// The same for a rule over several fields: at `field`'s node, or where only a default stands there, at the
/// first of `others` that a file wrote.
Error wrong_field(const Document& document, const std::string& field, const std::string& must,
                  const std::vector<std::string>& others = {});

} // namespace sandbox::policy
