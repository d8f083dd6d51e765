#include "manager/store/write_queue.hpp"

namespace sandbox::manager {

void WriteQueue::put(SessionRecord record, std::optional<DayUsage> account) {
    if (account) {
        Usage::key_type key = key_of(*account);
        usage_.insert_or_assign(std::move(key), *std::move(account));
    }
    std::string id = record.view.id;
    put_.insert_or_assign(std::move(id), std::move(record));
}

void WriteQueue::forget(std::string session) {
    put_.erase(session);
    forget_.insert(std::move(session));
}

void WriteQueue::put_token(std::string id, std::optional<TokenRecord> record) {
    tokens_.insert_or_assign(std::move(id), std::move(record));
}

bool WriteQueue::empty() const {
    return put_.empty() && forget_.empty() && tokens_.empty() && usage_.empty() &&
           forget_usage_before_.empty();
}

StoreBatch WriteQueue::take() {
    StoreBatch batch;
    for (auto& [id, record] : std::exchange(put_, {}))
        batch.put.push_back(std::move(record));
    for (const std::string& id : std::exchange(forget_, {}))
        batch.forget.push_back(id);
    for (auto& [id, record] : std::exchange(tokens_, {})) {
        if (record)
            batch.put_tokens.push_back(*std::move(record));
        else
            batch.forget_tokens.push_back(id);
    }
    for (auto& [key, account] : std::exchange(usage_, {}))
        batch.put_usage.push_back(std::move(account));
    batch.forget_usage_before = std::exchange(forget_usage_before_, {});
    return batch;
}

void WriteQueue::give_back(StoreBatch batch) {
    for (SessionRecord& record : batch.put)
        if (std::string id = record.view.id; !forget_.contains(id))
            put_.try_emplace(std::move(id), std::move(record));
    for (std::string& id : batch.forget)
        forget_.insert(std::move(id));
    for (TokenRecord& record : batch.put_tokens) {
        std::string id = record.token.id;
        tokens_.try_emplace(std::move(id), std::move(record));
    }
    for (std::string& id : batch.forget_tokens)
        tokens_.try_emplace(std::move(id), std::nullopt);
    for (DayUsage& account : batch.put_usage) {
        Usage::key_type key = key_of(account);
        usage_.try_emplace(std::move(key), std::move(account));
    }
    if (forget_usage_before_.empty())
        forget_usage_before_ = std::move(batch.forget_usage_before);
}

} // namespace sandbox::manager
