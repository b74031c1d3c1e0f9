package configobject

import (
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

// Object is one version of one object.
type Object struct {
	Bucket, Key string
	// VersionID is "" for whatever is on top, in a bucket that was never
	// versioned the only one, and "null" for what was written while versioning
	// was off.
	VersionID string
	Kind      Kind
	// Account that the event came from, "" where it does not say.
	Account string
}

// bucketName takes every name that S3 ever allowed ("Bucket naming rules" in
// its user guide; the old ones of us-east-1 are the wider). Of another one the
// SDK could not even make a request.
var bucketName = lazyregexp.New(`^[A-Za-z0-9._-]{3,255}$`)

// String gives the object's address, as reports name it.
func (o Object) String() string {
	if o.VersionID == "" {
		return o.address()
	}
	return o.address() + "?versionId=" + o.VersionID
}

func (o Object) address() string { return "s3://" + o.Bucket + "/" + o.Key }

// replaceable reports whether another upload can take the place of these bytes
// under the same name, which never happens to a version with its own id.
func (o Object) replaceable() bool { return o.VersionID == "" || o.VersionID == "null" }

// subjects gives the object that a trigger speaks of.
func (s Settings) subjects(trigger event.Trigger) []pipeline.Subject[Object] {
	switch typed := trigger.(type) {
	case event.Object:
		return s.written(typed)
	case event.ByHand:
		return s.byHand(typed)
	default:
		return nil
	}
}

// written answers S3's events, in both spellings.
func (s Settings) written(uploaded event.Object) []pipeline.Subject[Object] {
	object := Object{Bucket: uploaded.Bucket, Key: uploaded.Key, VersionID: uploaded.VersionID, Account: uploaded.Account}
	switch {
	case uploaded.Change == "Created":
	// "s3:ObjectRestore:Completed", and EventBridge's "Object Restore Completed":
	// back from an archive, and readable only now.
	case uploaded.Change == "Restore" && uploaded.Reason == "Completed", uploaded.Change == "Restore Completed":
	case uploaded.Change == "Deleted":
		return skip(object, objectDeleted.With())
	default:
		return nil
	}
	return s.subject(object)
}

// byHand answers {"bucket": …, "key": …, "versionId": …}, the last one optional.
func (s Settings) byHand(request event.ByHand) []pipeline.Subject[Object] {
	_, hasBucket := request.Fields["bucket"]
	_, hasKey := request.Fields["key"]
	if !hasBucket && !hasKey {
		return nil
	}
	var object Object
	for field, into := range map[string]*string{"bucket": &object.Bucket, "key": &object.Key, "versionId": &object.VersionID} {
		text, ok := request.Text(field)
		_, given := request.Fields[field]
		if (!ok || text == "") && (given || field != "versionId") {
			return []pipeline.Subject[Object]{pipeline.Reject[Object]("event", requestIncomplete.With())}
		}
		*into = text
	}
	return s.subject(object)
}

func (s Settings) subject(object Object) []pipeline.Subject[Object] {
	if !bucketName.MatchString(object.Bucket) {
		return []pipeline.Subject[Object]{pipeline.Reject[Object]("event", bucketNameInvalid.With())}
	}
	object.Kind = s.Kind(object.Key)
	if object.Kind == 0 {
		return skip(object, otherKey.With(finding.Names("config", texts(s.ConfigSuffixes)), finding.Names("environment", texts(s.EnvironmentFileSuffixes))))
	}
	return []pipeline.Subject[Object]{{Name: object.String(), Of: object}}
}

func skip(object Object, why finding.Finding) []pipeline.Subject[Object] {
	return []pipeline.Subject[Object]{pipeline.Skip[Object](object.String(), why.Code, why.Message)}
}

func texts(suffixes []Suffix) []string {
	texts := make([]string, len(suffixes))
	for i, suffix := range suffixes {
		texts[i] = string(suffix)
	}
	return texts
}
