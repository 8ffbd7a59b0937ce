package twins

// InService is the setting by which a member is taken out of service (0) and put back (1), in every
// kind that has it. A member that is prepared begins with 0.
const InService = "available"
