// A store as its port promises it, one commit after the other: what an answer may be, and what is
// there afterwards. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/record.h"

namespace peerage::conformance {

/// A record as it is, and what it was when the round began.
struct model_record {
  record value;
  revision at;                 // where it has been read
  std::size_t written_by = 0;  // the commit of this round that wrote it, from 1; 0: none
};

using model_state = std::map<std::string, model_record>;  // by text_of(key)

std::string text_of(const record_key& key);

/// What a commit does to a state: the reasons for which it may be refused ("conflict name", …), or
/// none, and then `next` is the state after it.
struct model_answer {
  std::set<std::string> refusals;
  std::set<std::string> may_be_refused;  // it may be done all the same
  model_state next;
};
/// `number`: the commit's place in the round, from 1. Where `marks`, a removal that is refused may
/// give a network or gateway a new revision, as the closing mark in Consul does.
model_answer apply(const model_state& now, const transaction& writes, std::size_t number,
                   bool marks);

}  // namespace peerage::conformance
