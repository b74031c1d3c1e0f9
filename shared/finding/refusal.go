package finding

// Refusal is an error that a retry cannot cure: looking at a subject, or
// changing it, ended in this finding.
type Refusal struct{ Finding Finding }

// Error gives the finding's message.
func (r *Refusal) Error() string { return r.Finding.Message }

// Refuse makes the error for a finding.
func Refuse(f Finding) error { return &Refusal{f} }
