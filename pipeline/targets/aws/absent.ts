/** What EC2 answers for an image that was deregistered, is somebody else's, or that the account's Allowed AMIs leave out. */
export const noImage: readonly string[] = ['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable']

export const noSnapshot: readonly string[] = ['InvalidSnapshot.NotFound']
