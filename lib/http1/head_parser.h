/// The one place that knows Boost.Beast: its parser cuts a whole head into method, target, version and
/// fields.
#pragma once

#include "ringrpc/bytes.h"

#include "http1/refusal.h"
#include "http1/request.h"

namespace ringrpc::http1 {

/// Parses a head that HeadScanner has found complete, and sets method, target, version and fields of
/// `request`, whose views point into `head`. Returns the refusal, or none.
Refusal parse_head(Bytes head, Request& request);

}  // namespace ringrpc::http1
