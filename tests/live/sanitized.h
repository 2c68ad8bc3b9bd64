// Whether a sanitizer watches this build, which makes it several times slower: how long something
// takes then says nothing of a promise.
#pragma once

namespace peerage::live {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace peerage::live
