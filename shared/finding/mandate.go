package finding

// MandateKind says who entitled a function to a change.
type MandateKind string

const (
	// ByParameter: the operator named the thing in a template parameter.
	ByParameter MandateKind = "parameter"
	// ByGiver: the owner of what is given lists who gets it.
	ByGiver MandateKind = "giver"
	// ByActor: the principal that caused the event could make this very change.
	ByActor MandateKind = "actor"
	// ByInvoker: the subject was named in a call by hand, or by the sweep of one.
	ByInvoker MandateKind = "invoker"
)

// Mandate is what entitles a function to one change. The zero Mandate means that
// nothing does.
type Mandate struct {
	Kind MandateKind `json:"kind"`
	// Text names it, as in "InstanceRolePattern=ecsInstanceRole*".
	Text string `json:"text"`
}

// IsGiven reports whether anything entitles the function to the change.
func (m Mandate) IsGiven() bool { return m.Kind != "" }

// noMandate is the code of a change that nothing entitles the function to.
const noMandate = "no-mandate"

// NoMandate is the finding in the place of a change that nothing entitles the
// function to. change says what would be done, as in "attach the policy X to the
// role Y"; reason why it is not, as a whole sentence; allow is the command or the
// parameter that allows it, as an imperative.
func NoMandate(change, reason, allow string) Finding {
	f := withoutMandate.With(Clause("change", change), Clause("reason", reason))
	f.Fix = allow
	return f
}

// withoutMandate gets what allows the change as its fix.
var withoutMandate = Template{Code: noMandate, Severity: Warning,
	Message: "Would {change}, but nothing allows it: {reason}."}

// IsNoMandate reports whether the finding stands in the place of a change that
// nothing entitles the function to.
func (f Finding) IsNoMandate() bool { return f.Code == noMandate }
