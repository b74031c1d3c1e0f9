package finding

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// revision is the end of a task definition's ARN, or of family:revision.
var revision = regexp.MustCompile(`^((?:arn:[^/]*:task-definition/)?[A-Za-z0-9_-]{1,255}):\d+$`)

// Identify gives the id of a result: a subject's, a dot, and the code of its
// gravest finding. A newer version of an object and a newer revision of a task
// definition are the same subject. The part before the dot alone, which is all
// that a result without findings has, stands for every problem of the subject.
func Identify(function string, result Result) string {
	sum := sha256.Sum256([]byte(function + "\x00" + StableSubject(result.Subject)))
	id := hex.EncodeToString(sum[:8])
	if worst, ok := result.Gravest(); ok {
		id += "." + worst.Code
	}
	return id
}

// SubjectID gives the part of a result's id that stands for its subject.
func SubjectID(id string) string {
	subject, _, _ := strings.Cut(id, ".")
	return subject
}

// StableSubject gives a subject without the version of an object or the revision of
// a task definition.
func StableSubject(subject string) string {
	subject, _, _ = strings.Cut(subject, "?versionId=")
	return revision.ReplaceAllString(subject, "$1")
}

// Gravest gives the finding to be named first: the first of the highest severity, a
// cured one before one that is only worth knowing; false where there is none.
func (r Result) Gravest() (Finding, bool) {
	if len(r.Findings) == 0 {
		return Finding{}, false
	}
	return slices.MinFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(rank(a), rank(b)) }), true
}

// rank orders findings by severity; what is cured comes before what is like it.
func rank(f Finding) int {
	if f.Cured {
		return 2*gravity(f) - 1
	}
	return 2 * gravity(f)
}
