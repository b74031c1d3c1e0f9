package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
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

// Gravest gives the finding to be named first: the first of the highest
// severity, a cured one before one that is only worth knowing.
func (r Result) Gravest() (Finding, bool) {
	var gravest Finding
	rank := -1
	for _, f := range r.Findings {
		index := 2 * gravity(f)
		if f.Cured {
			index--
		}
		if rank < 0 || index < rank {
			gravest, rank = f, index
		}
	}
	return gravest, rank >= 0
}
