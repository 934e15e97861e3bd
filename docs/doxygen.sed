# Doxygen does not know two habits of the headers: the comment before `#pragma once` describes the file, and code in a comment
# is indented by two spaces. The lines keep their numbers.
s|^#pragma once$|/// @file|
s|^( *///)   ( *[^ ])|\1       \2|
# Comparisons and moves that the compiler makes need no words.
s/^.* operator==\(.*\).*= default;$//
s/^ *(Status|Status& operator=)\(Status&& other\) noexcept = default;$//
