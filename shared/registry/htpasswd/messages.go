package htpasswd

import (
	"strconv"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/storedfile"
)

// What the findings say. {file} is the object that the secret's tag names.
var (
	unverifiable = finding.Template{Code: "htpasswd-unverifiable", Severity: finding.Error,
		Message: "The file {file} has a hash for the current user that can't be checked: it is not bcrypt, $apr1$ or {SHA}, or would take too long. So this may not be the registry's file, and it isn't written.",
		Fix:     "Write the user's line again with htpasswd -B."}
	differs = finding.Template{Code: "htpasswd-differs", Severity: finding.Error,
		Message: "The file {file} doesn't have the current user and password, so it isn't written.",
		Fix:     "Correct the secret's tag " + LocationTag + ", or find out who changed the file."}
	tooLarge = finding.Template{Code: "htpasswd-too-large", Severity: finding.Error,
		Message: "The object {file} is larger than {most} MiB, so it can't be an htpasswd file.",
		Fix:     "Correct the secret's tag " + LocationTag + "."}
	missing = finding.Template{Code: "htpasswd-missing", Severity: finding.Error,
		Message: "The htpasswd file {file} doesn't exist.",
		Fix:     "Correct the secret's tag " + LocationTag + ", or put the registry's htpasswd file there."}
)

// about fills the place of the file, whose name is of the secret's owner.
func about(place storedfile.Place) finding.Value { return finding.Name("file", place.String()) }

// mostMebibytes fills the place of the largest size.
func mostMebibytes() finding.Value { return finding.Words("most", strconv.Itoa(maxFile>>20)) }
