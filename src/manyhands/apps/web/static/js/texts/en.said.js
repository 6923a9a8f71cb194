// English has no words here: what the platform says is English, and stands in its answers.
export const texts = {};
export const fillings = {};
