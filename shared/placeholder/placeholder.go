// Package placeholder recognises text that a tool is going to fill in later.
package placeholder

import "github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"

// form matches what people have a tool fill in later: <NAME>, ${NAME},
// $NAME, $(NAME), {{ name }}, ((name)), [[ name ]], <%= name %>, #{NAME}#,
// %NAME%, __NAME__, @NAME@, `name`, REPLACE_ME, ACCOUNT_ID, a row of the letter X
// where a number is to stand, and registries of Amazon ECR without an account's
// number.
var form = lazyregexp.New("[<>{}$%`]|\\(\\(|\\[\\[|__[A-Za-z0-9_]+__|@[A-Z_]+@|(?:^|[^A-Za-z0-9_])[A-Z][A-Z0-9]*_[A-Z0-9_]+(?:[^A-Za-z0-9_]|$)|X{6,}|x{6,}|^(?i:image|placeholder|changeme|todo)$|^[^./]*[^0-9./][^./]*\\.dkr\\.ecr\\.")

// In reports whether there is a placeholder in a text.
func In(text string) bool { return form.MatchString(text) }
