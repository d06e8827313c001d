package sallyport

// MaintainKeys is what the background does with the signing keys at every tick.
var MaintainKeys = (*Service).maintainKeys

// For how long a signing key is published before and after it signs.
const (
	KeyLead      = keyLead
	KeyRetention = keyRetention
)
