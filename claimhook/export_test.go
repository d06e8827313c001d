package claimhook

// ParseAnswer is what the fuzz target needs of the inside.
var ParseAnswer = parseAnswer
