/** Whether it is of China, GovCloud or isolated: publishers and names of services are others there, and nothing is built there yet. */
export const isRegionApart = (region: string): boolean => /^(?:cn|us-gov|us-iso[a-z]?|eu-isoe)-/.test(region)
