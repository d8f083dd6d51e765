#include "chain.hpp"

#include "file_trust.hpp"
#include "sandbox/base/id.hpp"
#include "schema.hpp"

#include <algorithm>

namespace sandbox::policy {
namespace {

Document read_one(const std::string& path, Trust trust) {
    Document document = parse_document(read_trusted_file(path, trust), path);
    policy_file_schema().check(document);
    return document;
}

/// Tables merge, all else of `child` replaces. By moving: a copied node forgets where it was written.
void merge(toml::table& parent, toml::table&& child) {
    for (auto&& [key, value] : child) {
        toml::table* ours = parent[key].as_table();
        toml::table* theirs = value.as_table();
        if (ours != nullptr && theirs != nullptr)
            merge(*ours, std::move(*theirs));
        else
            value.visit(
                [&, &name = key](auto& concrete) { parent.insert_or_assign(name, std::move(concrete)); });
    }
}

std::string chain_text(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : " -> ") + name;
    return text;
}

void check_parent(const Document& child, const std::vector<std::string>& names, const std::string& parent) {
    const toml::node& node = *child.root.get("extends");
    if (parent == kReservedName)
        throw wrong_value(child, node, "extends", "must not be \"probe\", the built-in policy");
    if (std::ranges::find(names, parent) != names.end())
        throw wrong_value(child, node, "extends",
                          "must not go round in a circle: " + chain_text(names) + " -> " + parent);
    if (names.size() >= kMaxChain)
        throw wrong_value(child, node, "extends",
                          "must not make a chain of more than " + std::to_string(kMaxChain) +
                              " policies: " + chain_text(names) + " -> " + parent);
}

} // namespace

Document load_chain(const std::string& dir, const std::string& name, Trust trust) {
    std::vector<std::string> names{name};
    std::vector<Document> files;
    files.push_back(read_one(dir + "/" + name + ".toml", trust));
    while (const auto parent = files.back().root["extends"].value<std::string>()) {
        const Document& child = files.back();
        check_parent(child, names, *parent);
        names.push_back(*parent);
        try {
            files.push_back(read_one(dir + "/" + *parent + ".toml", trust));
        } catch (const Error& error) {
            if (error.code() != Errc::not_found)
                throw;
            throw wrong_value(child, *child.root.get("extends"), "extends",
                              "must be the name of a policy in " + dir);
        }
    }
    Document merged = std::move(files.back());
    for (auto child = std::next(files.rbegin()); child != files.rend(); ++child)
        merge(merged.root, std::move(child->root));
    merged.root.erase("extends");
    merged.origin = dir + "/" + name + ".toml";
    return merged;
}

} // namespace sandbox::policy
